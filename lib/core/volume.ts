import { checkAbsolutePath } from './config-file';
import { check } from './errors';
import { LiveDirectory } from './live-directory';
import { checkLabel } from './names';
import { parseStorage } from './quantity';

/** Options of {@link Volume.persistent}. */
export interface PersistentVolumeOptions {
  /**
   * Capacity to ask for, such as `10Gi`. A request, not a limit: Docker's local volumes take what the disk has.
   * @default 10Gi
   */
  readonly size?: string;
  /** Refuse every plan that would destroy it. @default false */
  readonly protect?: boolean;
}

/** What a volume is made of. */
export enum VolumeKind {
  PERSISTENT = 'persistent',
  EXISTING = 'existing',
  SCRATCH = 'scratch',
  HOST = 'host',
  LIVE = 'live',
}

/** A directory in a workload that is not part of its image. Immutable. */
export class Volume {
  /** Data that outlives the container. Belongs to the workload; its name is made from the workload's and this one. */
  public static persistent(name: string, mountPath: string, options: PersistentVolumeOptions = {}): Volume {
    checkLabel('Volume.persistent', 'name', name);
    const size = options.size ?? '10Gi';
    return new Volume(VolumeKind.PERSISTENT, mountPath, {
      name,
      sizeBytes: parseStorage('Volume.persistent', 'size', size),
      protect: options.protect ?? false,
    });
  }

  /** A volume that exists already and that nobody here makes or destroys, by the platform's own name for it. */
  public static existing(name: string, mountPath: string, readOnly = false): Volume {
    check(
      typeof name === 'string' && /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name),
      'Volume.existing',
      'name',
      name,
      "write the platform's name of the volume",
    );
    return new Volume(VolumeKind.EXISTING, mountPath, { name, readOnly });
  }

  /** A directory in memory, empty at each start. */
  public static scratch(mountPath: string): Volume {
    return new Volume(VolumeKind.SCRATCH, mountPath, {});
  }

  /** A directory of the machine, read-only: for exporters that watch the machine itself. */
  public static host(hostPath: string, mountPath: string): Volume {
    check(
      typeof hostPath === 'string' && /^\/[\w./-]*$/.test(hostPath) && !hostPath.split('/').includes('..'),
      'Volume.host',
      'hostPath',
      hostPath,
      "write an absolute path without '..'",
    );
    return new Volume(VolumeKind.HOST, mountPath, { hostPath, readOnly: true });
  }

  /** Files that another stack publishes while this workload runs. */
  public static live(directory: LiveDirectory, mountPath: string): Volume {
    return new Volume(VolumeKind.LIVE, mountPath, { directory });
  }

  public readonly name: string | undefined;
  public readonly hostPath: string | undefined;
  public readonly directory: LiveDirectory | undefined;
  /** Bytes asked for. */
  public readonly sizeBytes: number | undefined;
  public readonly protect: boolean;
  public readonly readOnly: boolean;

  private constructor(
    public readonly kind: VolumeKind,
    public readonly mountPath: string,
    details: VolumeDetails,
  ) {
    checkAbsolutePath('Volume', 'mountPath', mountPath);
    this.name = details.name;
    this.hostPath = details.hostPath;
    this.directory = details.directory;
    this.sizeBytes = details.sizeBytes;
    this.protect = details.protect ?? false;
    this.readOnly = details.readOnly ?? false;
  }
}

interface VolumeDetails {
  readonly name?: string;
  readonly hostPath?: string;
  readonly directory?: LiveDirectory;
  readonly sizeBytes?: number;
  readonly protect?: boolean;
  readonly readOnly?: boolean;
}
