import { Construct } from 'constructs';
import { checkComponent } from '../core/component';
import { ConfigFile } from '../core/config-file';
import { Container } from '../core/container';
import { Endpoint } from '../core/endpoint';
import { check } from '../core/errors';
import { HealthCheck } from '../core/health-check';
import { Image } from '../core/image';
import { LiveDirectory } from '../core/live-directory';
import { checkLabel } from '../core/names';
import { IObservable, Observability } from '../core/observability';
import { IPlatform } from '../core/platform';
import { Publish } from '../core/port';
import { checkWhole } from '../core/quantity';
import { Resources } from '../core/resources';
import { Secret } from '../core/secret';
import { Volume } from '../core/volume';
import { Workload } from '../core/workload';
import { scrapeJobName } from '../monitoring/job-name';
import { GatewayAlerts, gatewayObservability } from './gateway-observability';
import { HTTP_PORT, HTTPS_PORT, METRICS_PORT, renderGatewayConfig, renderGatewayEntrypoint } from './haproxy';
import { RELEASE_DIRECTORY } from './release';

/** What {@link Gateway} takes. */
export interface GatewayProps {
  readonly platform: IPlatform;
  /** Where releases are published to it. @default - a directory of its own, named `release` */
  readonly directory?: LiveDirectory;
  /** Make it reachable from outside the environment. @default - inside only */
  readonly publish?: Publish;
  /** Certificate chain and private key in one PEM text; the gateway then speaks HTTPS only. @default - plain HTTP */
  readonly tlsCertificate?: Secret;
  /** Bearer tokens by the user's name; requests without one are refused. @default - everybody who reaches it may ask */
  readonly tokens?: Record<string, Secret>;
  /** 1 to 100; more than one only where the platform spreads them over machines. @default 1 */
  readonly replicas?: number;
  /** @default - 1 core, 256Mi */
  readonly resources?: Resources;
  /** Seconds that requests under way may take when the gateway stops. @default 20 */
  readonly stopSeconds?: number;
  /** Seconds that a model server may take to answer. @default 60 */
  readonly timeoutSeconds?: number;
  /** Largest request body in bytes. @default 16777216 (16 MiB) */
  readonly maxBodyBytes?: number;
  /** Thresholds of its alerts. @default - the defaults of each */
  readonly alerts?: GatewayAlerts;
}

/** uid and gid of the user in HAProxy's image. */
export const GATEWAY_USER = '99:99';
/** Limits unless others are given. */
export const GATEWAY_LIMITS = { cpu: '1', memory: '256Mi' };

const KEYS: Record<keyof GatewayProps, true> = {
  platform: true,
  directory: true,
  publish: true,
  tlsCertificate: true,
  tokens: true,
  replicas: true,
  resources: true,
  stopSeconds: true,
  timeoutSeconds: true,
  maxBodyBytes: true,
  alerts: true,
};

/**
 * HAProxy in front of the released models: shares changed live and kept over a restart, TLS and tokens where asked,
 * users and requests counted.
 */
export class Gateway extends Construct implements IObservable {
  public readonly endpoint: Endpoint;
  public readonly directory: LiveDirectory;
  public readonly containers: Container[];
  public readonly observability: Observability;

  constructor(scope: Construct, id: string, props: GatewayProps) {
    super(scope, id);
    checkComponent(this, props, KEYS);
    const { platform } = props;
    const users = Object.entries(props.tokens ?? {});
    for (const [user] of users) checkLabel(this, 'tokens', user);
    if (props.tokens !== undefined)
      check(users.length > 0, this, 'tokens', props.tokens, 'give at least one user, or leave it out');
    this.directory =
      props.directory ?? LiveDirectory.create(this, RELEASE_DIRECTORY, { platform, owner: GATEWAY_USER });
    const stopSeconds = props.stopSeconds ?? 20;
    const replicas = props.replicas ?? 1;
    checkWhole(this, 'replicas', replicas, 1, 100);
    check(
      replicas === 1 || platform.spreadsReplicas,
      this,
      'replicas',
      replicas,
      'use 1: on one machine one gateway confirms releases, and a second one would share its fate',
    );
    const tls = props.tlsCertificate !== undefined;
    const secrets: Record<string, Secret> = {};
    if (props.tlsCertificate !== undefined) secrets['gateway-certificate'] = props.tlsCertificate;
    if (users.length > 0) {
      secrets['gateway-tokens'] = Secret.fromTemplate(
        this,
        'tokens',
        users.map(([user]) => `{${user}} ${user}\n`).join(''),
        Object.fromEntries(users),
      );
    }
    const gateway = new Workload(this, 'Resource', {
      platform,
      image: Image.fromCatalog('haproxy'),
      entrypoint: ['sh', '/etc/gateway/entrypoint.sh'],
      files: [
        ConfigFile.text(
          '/etc/gateway/entrypoint.sh',
          renderGatewayEntrypoint({ stopSeconds, timeoutSeconds: props.timeoutSeconds }, this),
          { executable: true },
        ),
        ConfigFile.text(
          '/etc/gateway/haproxy.cfg',
          renderGatewayConfig(
            {
              tlsCertificateFile: tls ? '/run/secrets/gateway-certificate' : undefined,
              tokensFile: users.length > 0 ? '/run/secrets/gateway-tokens' : undefined,
              maxBodyBytes: props.maxBodyBytes,
              timeoutSeconds: props.timeoutSeconds,
            },
            this,
          ),
        ),
      ],
      secrets: Object.keys(secrets).length > 0 ? secrets : undefined,
      volumes: [Volume.live(this.directory, '/live')],
      user: GATEWAY_USER,
      ports: [
        { name: 'http', port: tls ? HTTPS_PORT : HTTP_PORT, scheme: tls ? 'https' : 'http', publish: props.publish },
        { name: 'metrics', port: METRICS_PORT },
      ],
      healthCheck: HealthCheck.http('/-/healthy', METRICS_PORT),
      replicas,
      resources: props.resources ?? Resources.of(GATEWAY_LIMITS),
      // The gateway ends by itself; the platform's KILL comes only when it does not.
      stopSeconds: stopSeconds + 10,
    });
    this.endpoint = gateway.endpoint('http');
    this.containers = [gateway];
    this.observability = gatewayObservability({
      job: scrapeJobName(this, platform.environment),
      address: gateway.endpoint('metrics').address,
      healthUrl: `${this.endpoint.url}/-/healthy`,
      alerts: props.alerts,
    });
  }
}
