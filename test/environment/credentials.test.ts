import { App, TerraformOutput, TerraformStack, Testing } from 'cdktf';
import { DockerPlatform, MlopsEnvironment, MlopsEnvironmentProps, Secret } from '../../lib';

type Gateway = NonNullable<MlopsEnvironmentProps['gateway']>;

function outputs(gateway: (stack: TerraformStack) => Gateway): { components: unknown; credentials: string } {
  const stack = new TerraformStack(new App(), 'staging');
  const environment = new MlopsEnvironment(stack, 'staging', {
    platform: new DockerPlatform(stack, 'platform', { environment: 'staging' }),
    gateway: gateway(stack),
  });
  new TerraformOutput(stack, 'credentials', { value: environment.credentials, sensitive: true });
  const { output } = JSON.parse(Testing.synth(stack)) as { output: { credentials: { value: string } } };
  const components = environment.components.find(({ name }) => name === 'gateway');
  return { components, credentials: output.credentials.value };
}

test("a gateway's tokens are among the credentials, the first user's under the gateway's own name", () => {
  const { components, credentials } = outputs((stack) => ({
    port: 8080,
    tokens: { ci: Secret.generated(stack, 'ci-token'), web: Secret.generated(stack, 'web-token') },
  }));
  expect(components).toMatchObject({ url: 'http://127.0.0.1:8080', credentials: 'gateway' });
  expect(credentials).toMatch(/"gateway" = \{"username" = "ci", "password" = random_password\.ci-token\S*\.result\}/);
  expect(credentials).toMatch(
    /"gateway-web" = \{"username" = "web", "password" = random_password\.web-token\S*\.result\}/,
  );
});

test('a gateway without tokens has none', () => {
  const { components, credentials } = outputs(() => ({ port: 8080 }));
  expect(components).toMatchObject({ name: 'gateway', credentials: undefined });
  expect(credentials).toContain('"registry" =');
  expect(credentials).not.toContain('"gateway');
});
