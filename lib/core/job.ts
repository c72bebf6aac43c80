import { Construct } from 'constructs';
import { Container, ContainerProps } from './container';
import { checkWhole } from './quantity';
import { Schedule } from './schedule';

/** What {@link Job} takes. */
export interface JobProps extends ContainerProps {
  /** How many may run at once. @default 1 */
  readonly concurrency?: number;
  /** Seconds between TERM and KILL when a run is stopped. @default 30 */
  readonly stopSeconds?: number;
  /** When the platform itself starts a run; one that is due while another is under way is left out. @default - never */
  readonly schedule?: Schedule;
}

/**
 * Work that a deploy declares and that is started later: by a person, a schedule or a pipeline. The
 * declaration fixes image, limits, data, rights and secrets; who starts a run adds arguments only.
 */
export class Job extends Container {
  /** What it was made from. */
  public readonly props: JobProps;
  /** @default 1 */
  public readonly concurrency: number;
  /** @default 30 */
  public readonly stopSeconds: number;

  constructor(scope: Construct, id: string, props: JobProps) {
    super(scope, id, props);
    this.props = props;
    this.concurrency = props.concurrency ?? 1;
    this.stopSeconds = props.stopSeconds ?? 30;
    checkWhole(this, 'concurrency', this.concurrency, 1, 100);
    checkWhole(this, 'stopSeconds', this.stopSeconds, 0, 3600);
    this.deployed = props.platform.declareJob(this);
  }
}
