import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TerraformOutput, TerraformStack } from 'cdktf';
import { Construct } from 'constructs';
import { DockerPlatform, MlopsEnvironment, Release, ReleaseData } from '../lib';
import { keepState } from './state';

const ENVIRONMENT = 'staging';

/** The environment: changes when people change infrastructure. */
export function staging(scope: Construct): void {
  const stack = new TerraformStack(scope, ENVIRONMENT);
  keepState(stack);
  const environment = new MlopsEnvironment(stack, ENVIRONMENT, {
    platform: new DockerPlatform(stack, 'platform', { environment: ENVIRONMENT }),
    registry: { port: 5000 },
    gateway: { port: 8080 },
    containers: { port: 5001 },
    jenkins: { port: 8081 },
    monitoring: { prometheusPort: 9090, alertmanagerPort: 9093, grafanaPort: 3000 },
  });
  new TerraformOutput(stack, 'components', { value: JSON.stringify(environment.components) });
  new TerraformOutput(stack, 'credentials', { value: environment.credentials, sensitive: true });
}

/** What the environment serves: changes with every model. */
export function stagingModels(scope: Construct): void {
  const stack = new TerraformStack(scope, `${ENVIRONMENT}-models`);
  keepState(stack);
  const platform = new DockerPlatform(stack, 'platform', { environment: ENVIRONMENT, joinNetwork: true });
  new Release(stack, 'models', { platform, data: readRelease(ENVIRONMENT) });
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
