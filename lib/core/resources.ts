import { parseCpu, parseMemory, checkWhole } from './quantity';

/** What {@link Resources.of} takes. */
export interface ResourcesProps {
  /** Upper limit of processor time, as Kubernetes writes it: `500m`, `2`. @default - no limit */
  readonly cpu?: string;
  /** Upper limit of memory, as Kubernetes writes it: `512Mi`, `2Gi`. @default - no limit */
  readonly memory?: string;
  /** Graphics processors. @default - none */
  readonly gpu?: Gpu;
}

/** Which graphics processors a workload gets. Immutable. */
export class Gpu {
  /** All that the machine has. */
  public static all(): Gpu {
    return new Gpu(undefined);
  }

  /** So many of them. Docker's provider can't do this, Kubernetes can. */
  public static count(count: number): Gpu {
    checkWhole('Gpu.count', 'count', count, 1, 64);
    return new Gpu(count);
  }

  /** @param number how many; undefined for all */
  private constructor(public readonly number: number | undefined) {}
}

/** Limits of processor and memory. Immutable. */
export class Resources {
  /**
   * Limits in Kubernetes' notation.
   *
   * @throws when a quantity is malformed
   */
  public static of(props: ResourcesProps): Resources {
    return new Resources(
      props.cpu === undefined ? undefined : parseCpu('Resources.of', 'cpu', props.cpu),
      props.memory === undefined ? undefined : parseMemory('Resources.of', 'memory', props.memory),
      props.gpu,
    );
  }

  private constructor(
    /** Thousandths of a core, or undefined for no limit. */
    public readonly cpuMillis: number | undefined,
    /** Bytes, or undefined for no limit. */
    public readonly memoryBytes: number | undefined,
    public readonly gpu: Gpu | undefined,
  ) {}
}
