import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TerraformOutput, TerraformStack } from 'cdktf';
import { Construct } from 'constructs';
import {
  DockerPlatform,
  IPlatform,
  KubernetesPlatform,
  KubernetesQuota,
  MlopsEnvironment,
  MlopsEnvironmentProps,
  Release,
  ReleaseData,
} from '../lib';
import { keepState } from './state';

/** An environment as data. */
export interface Stage {
  /** Name of the environment; its release is `releases/<name>.json`. */
  readonly name: string;
  /** Where it runs: the one line to change for the other platform. */
  readonly platform: 'docker' | 'kubernetes';
  /** Bounds of what it may ask a cluster for; one machine has its own. */
  readonly quota?: KubernetesQuota;
  /** Replicas of what can have them, and model servers that scale: see `MlopsEnvironment` and `Release`. */
  readonly highlyAvailable?: boolean;
  /** All else that differs from the defaults; secrets are made in the environment's stack. */
  readonly configuration: (stack: TerraformStack) => Omit<MlopsEnvironmentProps, 'platform' | 'highlyAvailable'>;
}

/** The stack of an environment: changes when people change infrastructure. */
export function environmentStack(scope: Construct, stage: Stage): void {
  const { name, highlyAvailable } = stage;
  const stack = new TerraformStack(scope, name);
  keepState(stack);
  const environment = new MlopsEnvironment(stack, name, {
    platform: platform(stack, stage, false),
    highlyAvailable,
    ...stage.configuration(stack),
  });
  new TerraformOutput(stack, 'components', { value: JSON.stringify(environment.components) });
  new TerraformOutput(stack, 'credentials', { value: environment.credentials, sensitive: true });
}

/** The stack of what an environment serves: changes with every model. */
export function modelsStack(scope: Construct, stage: Stage): void {
  const { name, highlyAvailable } = stage;
  const stack = new TerraformStack(scope, `${name}-models`);
  keepState(stack);
  new Release(stack, 'models', { platform: platform(stack, stage, true), data: readRelease(name), highlyAvailable });
}

function platform(stack: TerraformStack, { name, platform, quota }: Stage, join: boolean): IPlatform {
  return platform === 'docker'
    ? new DockerPlatform(stack, 'platform', { environment: name, joinNetwork: join })
    : new KubernetesPlatform(stack, 'platform', {
        environment: name,
        joinNamespace: join,
        quota: join ? undefined : quota,
      });
}

/** What the environment is to serve; the message of an error names the file and what it should hold. */
function readRelease(environment: string): ReleaseData {
  const name = `releases/${environment}.json`;
  const wanted = '{"models":{"<name>":{"versions":[{"version":1,"share":100}]}}}';
  const file = join(__dirname, '..', name);
  if (!existsSync(file)) throw new Error(`${name} is missing: it says what is served, as ${wanted}`);
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ReleaseData;
  } catch (error) {
    throw new Error(`${name} can't be read as JSON (${(error as Error).message}): it should be like ${wanted}`, {
      cause: error,
    });
  }
}
