import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(__dirname, '../..');

/** Files of the provider's bindings that a program has loaded when it ends, in a process of its own. */
function loadedBy(program: string): string[] {
  const script = `
    ${program}
    const loaded = Object.keys(require.cache).filter((file) => file.includes('provider-kubernetes'));
    process.stdout.write(JSON.stringify(loaded.map((file) => file.split('provider-kubernetes/')[1])));
  `;
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--require', require.resolve('tsx/cjs'), '-e', script],
    {
      cwd: root,
      encoding: 'utf8',
    },
  );
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as string[];
}

const IMPORTS = `
  const { App, TerraformStack } = require('cdktf');
  const { DockerPlatform, HealthCheck, Image, KubernetesPlatform, MlopsEnvironment, Workload } = require('./lib');
  const stack = new TerraformStack(new App({ outdir: '/nowhere' }), 'test');
`;

test('importing the library and making an environment on Docker loads no file of the Kubernetes bindings', () => {
  const program = `
    ${IMPORTS}
    new MlopsEnvironment(stack, 'test', { platform: new DockerPlatform(stack, 'platform', { environment: 'test' }) });
  `;
  expect(loadedBy(program)).toEqual([]);
}, 60_000);

test('a platform in a cluster loads the bindings of what it makes, and no others', () => {
  const program = `
    ${IMPORTS}
    const platform = new KubernetesPlatform(stack, 'platform', { environment: 'test' });
    const image = Image.fromRegistry('example.com/app:1');
    new Workload(stack, 'web', { platform, image, healthCheck: HealthCheck.none('a test') });
  `;
  const modules = new Set(loadedBy(program).flatMap((file) => /^lib\/([\w-]+)\//.exec(file)?.[1] ?? []));
  expect([...modules].sort()).toEqual([
    'deployment-v1',
    'limit-range-v1',
    'namespace-v1',
    'network-policy-v1',
    'provider',
  ]);
}, 60_000);
