import { Construct } from 'constructs';
import { Container, ContainerProps } from './container';
import { check } from './errors';
import { checkWhole } from './quantity';
import { checkNoSecret } from './secret';

/** What {@link Task} takes. The image needs a POSIX shell. */
export interface TaskProps extends ContainerProps {
  /** POSIX shell script. It may run again: write it so that a second run does no harm. */
  readonly script: string;
  /** Seconds after which a deploy fails. @default 120 */
  readonly timeoutSeconds?: number;
}

/**
 * A short preparation that a deploy waits for: a schema, a bucket, a share. When the script fails the deploy fails.
 *
 * On Docker it succeeds by becoming healthy, lingers and ends, because the provider takes a container that has ended for
 * a success whatever its exit code was. On Kubernetes it is a Job, whose pod tries the script up to six times: what it may
 * reach is decided when it runs already.
 */
export class Task extends Container {
  /** What it was made from. */
  public readonly props: TaskProps;
  /** @default 120 */
  public readonly timeoutSeconds: number;

  constructor(scope: Construct, id: string, props: TaskProps) {
    super(scope, id, props);
    this.props = props;
    this.timeoutSeconds = props.timeoutSeconds ?? 120;
    checkWhole(this, 'timeoutSeconds', this.timeoutSeconds, 1, 3600);
    check(
      typeof props.script === 'string' && props.script.trim().length > 0 && !props.script.includes('\u0000'),
      this,
      'script',
      props.script,
      'write a shell script',
    );
    checkNoSecret(this, 'script', props.script);
    this.deployed = props.platform.deployTask(this);
  }
}
