import { readFileSync } from 'node:fs';
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

function readRelease(environment: string): ReleaseData {
  return JSON.parse(readFileSync(join(__dirname, '..', 'releases', `${environment}.json`), 'utf8')) as ReleaseData;
}
