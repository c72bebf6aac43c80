import { Construct } from 'constructs';
import { checkComponent } from '../core/component';
import { Container } from '../core/container';
import { Endpoint } from '../core/endpoint';
import { HealthCheck } from '../core/health-check';
import { Image } from '../core/image';
import { IObservable, Observability } from '../core/observability';
import { IPlatform } from '../core/platform';
import { Publish } from '../core/port';
import { Resources } from '../core/resources';
import { Volume } from '../core/volume';
import { Workload } from '../core/workload';

/** What {@link Pushgateway} takes. */
export interface PushgatewayProps {
  readonly platform: IPlatform;
  /** Make it reachable from outside the environment. It takes metrics from everybody. @default - inside only */
  readonly publish?: Publish;
  /** @default - a quarter of a core, 64Mi */
  readonly resources?: Resources;
  /** Refuse every plan that would destroy what was pushed. @default false */
  readonly protect?: boolean;
}

const KEYS: Record<keyof PushgatewayProps, true> = {
  platform: true,
  publish: true,
  resources: true,
  protect: true,
};

/** Port of the Pushgateway. */
const PORT = 9091;

/**
 * Keeps the last metrics of what does not run long enough to be scraped, such as training, also over a restart.
 * Make it before what pushes to it, and hand it to `Monitoring`.
 */
export class Pushgateway extends Construct implements IObservable {
  /** Where to push. */
  public readonly endpoint: Endpoint;
  public readonly containers: Container[];
  public readonly observability: Observability;

  constructor(scope: Construct, id: string, props: PushgatewayProps) {
    super(scope, id);
    checkComponent(this, props, KEYS);
    const gateway = new Workload(this, 'Resource', {
      platform: props.platform,
      image: Image.fromCatalog('pushgateway'),
      command: ['--persistence.file=/pushgateway/metrics', '--persistence.interval=10s'],
      volumes: [Volume.persistent('data', '/pushgateway', { size: '1Gi', protect: props.protect })],
      user: '65534:65534',
      ports: [{ name: 'http', port: PORT, publish: props.publish }],
      healthCheck: HealthCheck.http('/-/healthy', PORT),
      resources: props.resources ?? Resources.of({ cpu: '250m', memory: '64Mi' }),
    });
    this.endpoint = gateway.endpoint('http');
    this.containers = [gateway];
    this.observability = {
      component: 'Pushgateway',
      jobs: [{ name: 'pushgateway', targets: [this.endpoint.address], honorLabels: true }],
    };
  }
}
