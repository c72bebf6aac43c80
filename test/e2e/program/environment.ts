import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Container as DockerContainer } from '@cdktf/provider-docker/lib/container';
import { TerraformOutput, TerraformResource, TerraformStack } from 'cdktf';
import { Construct } from 'constructs';
import {
  AlertReceiver,
  ArtifactStore,
  Backup,
  ConfigFile,
  DockerPlatform,
  HealthCheck,
  Image,
  IPlatform,
  KubernetesPlatform,
  MlopsEnvironment,
  ModelRegistry,
  Publish,
  Release,
  Resources,
  Volume,
  Workload,
} from '../../../lib';
import { keepState } from '../../../stacks/state';
import { Settings } from './settings';

/** Name of the environment, beside which others run on the same Engine or cluster. */
export const ENVIRONMENT = 'e2e';

/** Name of the release's stack. */
export const RELEASE_STACK = `${ENVIRONMENT}-models`;

/** Component path of the workload in which clients run where they have to run inside. */
export const CLIENT = 'client';

/** Where the Python programs and the sample model stand in it. */
export const CLIENT_ROOT = '/e2e';

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

/** Seconds for images to be pulled; they come from this machine. */
const ROLLOUT_SECONDS = 60;

const WEBHOOK_PORT = 8000;
const REPOSITORY = join(__dirname, '..', '..', '..');

/** A whole environment whose alerts go to a webhook of its own. */
export function declareEnvironment(scope: Construct, settings: Settings): MlopsEnvironment {
  const stack = new TerraformStack(scope, ENVIRONMENT);
  keepState(stack);
  const onKubernetes = settings.platform === 'kubernetes';
  const platform: IPlatform = onKubernetes
    ? new KubernetesPlatform(stack, 'platform', { environment: ENVIRONMENT, rolloutSeconds: ROLLOUT_SECONDS })
    : new DockerPlatform(stack, 'platform', { environment: ENVIRONMENT });
  const webhook = new Workload(stack, 'webhook', {
    platform,
    image: Image.fromCatalog('model-runtime'),
    entrypoint: ['python3', '/srv/webhook.py'],
    command: [String(WEBHOOK_PORT)],
    files: [ConfigFile.fromLocalFile('/srv/webhook.py', join(__dirname, 'webhook.py'))],
    ports: [{ name: 'http', port: WEBHOOK_PORT, publish: Publish.onLoopback(PORTS.webhook) }],
    healthCheck: HealthCheck.http('/', WEBHOOK_PORT),
    user: '1000:1000',
    resources: Resources.of({ cpu: '250m', memory: '128Mi' }),
    stopSeconds: 5,
  });
  const hook = webhook.endpoint('http').url;
  const environment = new MlopsEnvironment(stack, ENVIRONMENT, {
    platform,
    registry: { port: PORTS.registry },
    gateway: { port: PORTS.gateway },
    containers: { port: PORTS.containers },
    // Two cores have to do for all pods together, and for those that take their places.
    jenkins: { port: PORTS.jenkins, cpu: onKubernetes ? '500m' : undefined },
    monitoring: {
      prometheusPort: PORTS.prometheus,
      alertmanagerPort: PORTS.alertmanager,
      grafanaPort: PORTS.grafana,
      receivers: [AlertReceiver.webhook('hook', `${hook}/alerts`)],
      heartbeat: AlertReceiver.webhook('dead-man', `${hook}/heartbeat`),
    },
  });
  if (onKubernetes) {
    declareClient(stack, platform, environment);
    declareBackup(stack, platform, environment);
  }
  new TerraformOutput(stack, 'components', { value: JSON.stringify(environment.components) });
  new TerraformOutput(stack, 'credentials', { value: environment.credentials, sensitive: true });
  addVariables(stack, settings.variables ?? {});
  return environment;
}

/** What the environment serves; nothing as long as nothing is trained. */
export function declareRelease(scope: Construct, settings: Settings): void {
  const stack = new TerraformStack(scope, RELEASE_STACK);
  keepState(stack);
  const platform: IPlatform =
    settings.platform === 'kubernetes'
      ? new KubernetesPlatform(stack, 'platform', {
          environment: ENVIRONMENT,
          joinNamespace: true,
          rolloutSeconds: ROLLOUT_SECONDS,
        })
      : new DockerPlatform(stack, 'platform', { environment: ENVIRONMENT, joinNetwork: true });
  if (settings.release !== undefined) new Release(stack, 'models', { platform, data: settings.release });
}

/** A pod that may reach what clients use, and runs the Python programs when it is told to. */
function declareClient(scope: Construct, platform: IPlatform, environment: MlopsEnvironment): void {
  const files = [
    ...readdirSync(join(REPOSITORY, 'test', 'e2e', 'python'))
      .filter((name) => name.endsWith('.py'))
      .map((name) => `test/e2e/python/${name}`),
    'examples/models/cancer/data.py',
  ];
  new Workload(scope, CLIENT, {
    platform,
    image: Image.fromCatalog('model-runtime'),
    entrypoint: ['sleep'],
    command: ['infinity'],
    environment: {
      HOME: '/state',
      LOGNAME: 'e2e',
      PYTHONDONTWRITEBYTECODE: '1',
      MLFLOW_TRACKING_URI: environment.registry.endpoint.url,
      MLFLOW_TRACKING_PASSWORD_FILE: '/state/password',
      // The store itself is not for clients: the registry hands artifacts through.
      MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD: 'false',
      MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD: 'false',
    },
    files: files.map((file) => ConfigFile.fromLocalFile(`${CLIENT_ROOT}/${file}`, join(REPOSITORY, file))),
    volumes: [Volume.scratch('/state')],
    healthCheck: HealthCheck.none('it waits for programs to run'),
    user: '1000:1000',
    resources: Resources.of({ cpu: '250m', memory: '1Gi' }),
    reaches: [environment.registry.endpoint, environment.gateway!.endpoint],
    stopSeconds: 1,
  });
}

/** Backups into another store than the one that is backed up. */
function declareBackup(scope: Construct, platform: IPlatform, environment: MlopsEnvironment): void {
  const registry = environment.registry as ModelRegistry;
  new Backup(scope, 'backup', {
    platform,
    database: registry.database!,
    artifacts: registry.artifacts,
    target: new ArtifactStore(scope, 'backup-store', { platform, storage: '5Gi' }),
  });
}

/** By the documented way past the contract: the provider's own resource is the workload's child. */
function addVariables(stack: TerraformStack, variables: Record<string, Record<string, string>>): void {
  for (const construct of stack.node.findAll()) {
    if (!(construct instanceof Workload)) continue;
    for (const [name, value] of Object.entries(variables[construct.componentPath] ?? {})) {
      const container = construct.node.tryFindChild('container') as DockerContainer | undefined;
      if (container !== undefined) container.env = [...(container.envInput ?? []), `${name}=${value}`];
      // What stands in a pod's annotations replaces it as a variable does.
      const resource = construct.node.tryFindChild('workload') as TerraformResource | undefined;
      resource?.addOverride(`spec.template.metadata.annotations.${name}`, value);
    }
  }
}
