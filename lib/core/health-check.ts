import { check } from './errors';
import { checkPort, checkWhole } from './quantity';
import { checkWords } from './words';

/** Timing of a health check; all in whole seconds. */
export interface HealthCheckOptions {
  /** Seconds between two checks. @default 5 */
  readonly intervalSeconds?: number;
  /** Seconds after which one check counts as failed. @default 4 */
  readonly timeoutSeconds?: number;
  /** Failures in a row that make a running workload unhealthy. @default 3 */
  readonly retries?: number;
  /**
   * Seconds that the workload may take to become healthy before a deploy fails. @default 120
   */
  readonly startSeconds?: number;
}

/** How a platform finds out whether a workload answers. Immutable. */
export class HealthCheck {
  /**
   * `GET path` on a port of the workload answers with a status below 400.
   *
   * Docker runs the request inside the container, with whichever of wget, curl and python3 the image has.
   */
  public static http(path: string, port: number, options: HealthCheckOptions = {}): HealthCheck {
    check(
      /^\/[\w\-./?=&%~]*$/.test(path),
      'HealthCheck.http',
      'path',
      path,
      "begin it with '/' and encode what a URL must encode",
    );
    checkPort('HealthCheck.http', 'port', port);
    return new HealthCheck(path, port, undefined, undefined, options);
  }

  /** A command inside the workload ends with 0. */
  public static command(command: string[], options: HealthCheckOptions = {}): HealthCheck {
    check(
      Array.isArray(command) && command.length > 0,
      'HealthCheck.command',
      'command',
      command,
      'name a program and its arguments',
    );
    checkWords('HealthCheck.command', 'command', command);
    return new HealthCheck(undefined, undefined, [...command], undefined, options);
  }

  /** No check: a deploy does not wait for it. The reason is for who reads the program. */
  public static none(reason: string): HealthCheck {
    check(reason.trim().length > 0, 'HealthCheck.none', 'reason', reason, 'say why nothing can be checked');
    return new HealthCheck(undefined, undefined, undefined, reason, {});
  }

  /** @default 5 */
  public readonly intervalSeconds: number;
  /** @default 4 */
  public readonly timeoutSeconds: number;
  /** @default 3 */
  public readonly retries: number;
  /** @default 120 */
  public readonly startSeconds: number;

  private constructor(
    /** Path of an HTTP check. */
    public readonly path: string | undefined,
    /** Port of an HTTP check. */
    public readonly port: number | undefined,
    /** Program and arguments of a command check. */
    public readonly test: string[] | undefined,
    /** Why there is no check. */
    public readonly noneReason: string | undefined,
    options: HealthCheckOptions,
  ) {
    this.intervalSeconds = options.intervalSeconds ?? 5;
    this.timeoutSeconds = options.timeoutSeconds ?? 4;
    this.retries = options.retries ?? 3;
    this.startSeconds = options.startSeconds ?? 120;
    checkWhole('HealthCheck', 'intervalSeconds', this.intervalSeconds, 1, 3600);
    checkWhole('HealthCheck', 'timeoutSeconds', this.timeoutSeconds, 1, 3600);
    checkWhole('HealthCheck', 'retries', this.retries, 1, 100);
    checkWhole('HealthCheck', 'startSeconds', this.startSeconds, 1, 3600);
  }
}
