import { join } from 'node:path';
import { Container as DockerContainer } from '@cdktf/provider-docker/lib/container';
import { TerraformOutput, TerraformStack } from 'cdktf';
import { Construct } from 'constructs';
import {
  AlertReceiver,
  ConfigFile,
  DockerPlatform,
  HealthCheck,
  Image,
  MlopsEnvironment,
  Publish,
  Release,
  Resources,
  Workload,
} from '../../../lib';
import { keepState } from '../../../stacks/state';
import { Settings } from './settings';

/** Name of the environment, beside which others run on the same Engine. */
export const ENVIRONMENT = 'e2e';

/** Name of the release's stack. */
export const RELEASE_STACK = `${ENVIRONMENT}-models`;

/** Ports on loopback; none is one of staging's. */
export const PORTS = {
  registry: 15000,
  gateway: 18080,
  containers: 15001,
  jenkins: 18081,
  prometheus: 19090,
  alertmanager: 19093,
  grafana: 13000,
  webhook: 18000,
} as const;

const WEBHOOK_PORT = 8000;

/** A whole environment whose alerts go to a webhook of its own. */
export function declareEnvironment(scope: Construct, settings: Settings): MlopsEnvironment {
  const stack = new TerraformStack(scope, ENVIRONMENT);
  keepState(stack);
  const platform = new DockerPlatform(stack, 'platform', { environment: ENVIRONMENT });
  const webhook = new Workload(stack, 'webhook', {
    platform,
    image: Image.fromCatalog('model-runtime'),
    entrypoint: ['python3', '/srv/webhook.py'],
    command: [String(WEBHOOK_PORT)],
    files: [ConfigFile.fromLocalFile('/srv/webhook.py', join(__dirname, 'webhook.py'))],
    ports: [{ name: 'http', port: WEBHOOK_PORT, publish: Publish.onLoopback(PORTS.webhook) }],
    healthCheck: HealthCheck.http('/', WEBHOOK_PORT),
    resources: Resources.of({ cpu: '250m', memory: '128Mi' }),
    stopSeconds: 5,
  });
  const hook = webhook.endpoint('http').url;
  const environment = new MlopsEnvironment(stack, ENVIRONMENT, {
    platform,
    registry: { port: PORTS.registry },
    gateway: { port: PORTS.gateway },
    containers: { port: PORTS.containers },
    jenkins: { port: PORTS.jenkins },
    monitoring: {
      prometheusPort: PORTS.prometheus,
      alertmanagerPort: PORTS.alertmanager,
      grafanaPort: PORTS.grafana,
      receivers: [AlertReceiver.webhook('hook', `${hook}/alerts`)],
      heartbeat: AlertReceiver.webhook('dead-man', `${hook}/heartbeat`),
    },
  });
  new TerraformOutput(stack, 'components', { value: JSON.stringify(environment.components) });
  new TerraformOutput(stack, 'credentials', { value: environment.credentials, sensitive: true });
  addVariables(stack, settings.variables ?? {});
  return environment;
}

/** What the environment serves; nothing as long as nothing is trained. */
export function declareRelease(scope: Construct, settings: Settings): void {
  const stack = new TerraformStack(scope, RELEASE_STACK);
  keepState(stack);
  const platform = new DockerPlatform(stack, 'platform', { environment: ENVIRONMENT, joinNetwork: true });
  if (settings.release !== undefined) new Release(stack, 'models', { platform, data: settings.release });
}

/** By the documented way past the contract: the provider's own resource is the workload's child. */
function addVariables(stack: TerraformStack, variables: Record<string, Record<string, string>>): void {
  for (const construct of stack.node.findAll()) {
    if (!(construct instanceof Workload)) continue;
    const added = Object.entries(variables[construct.componentPath] ?? {});
    if (added.length === 0) continue;
    const container = construct.node.findChild('container') as DockerContainer;
    container.env = [...(container.envInput ?? []), ...added.map(([name, value]) => `${name}=${value}`)];
  }
}
