import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deployStack } from '../../lib/cli/deploy';
import { Docker } from '../../lib/cli/docker';
import { Progress } from '../../lib/cli/progress';
import { Project } from '../../lib/cli/project';
import { Session } from '../../lib/cli/session';
import { StackFile } from '../../lib/cli/stack-file';
import { FakePrograms, Lines } from './fake-programs';
import { fixtureProject, inspected, stateWith } from './stack-fixture';

// Names of which Terraform alone knows a part: that of an image's id.
const NAME = 'staging-registry-0a1b2c3d-${substr(docker_image.registry.image_id, 7, 6)}';

let fakes: FakePrograms;
let project: Project;
let stack: StackFile;

beforeEach(() => {
  fakes = new FakePrograms();
  project = fixtureProject();
  const file = join(project.outDir, 'stacks', 'staging', 'cdk.tf.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace('"staging-registry"', JSON.stringify(NAME)));
  stack = StackFile.get(project, 'staging');
});

afterEach(() => fakes.restore());

const named = (name: string, created: string): Record<string, unknown> =>
  inspected({ Id: name, Name: `/${name}`, Created: created });

test('a resource knows what its names look like', () => {
  const [container] = stack.ofType('docker_container');
  expect(container.name).toBeUndefined();
  expect(container.namePattern.test('staging-registry-0a1b2c3d-e4f5a6')).toBe(true);
  expect(container.namePattern.test('staging-registry-ffffffff-e4f5a6')).toBe(false);
  expect(container.namePattern.test('staging-registry-0a1b2c3d-')).toBe(false);
  expect(stack.ofType('docker_network')[0].namePattern.test('staging')).toBe(true);
  expect(stack.ofType('docker_network')[0].namePattern.test('staging-2')).toBe(false);
});

test('its containers are found by labels, the newest of its name first', async () => {
  fakes.add('docker', [
    { match: /^ps -a/, stdout: 'a\nb\nc\n' },
    {
      match: /^container inspect a b c/,
      stdout: JSON.stringify([
        named('staging-registry-0a1b2c3d-111111', '2026-01-01T00:00:00Z'),
        named('staging-registry-0a1b2c3d-222222', '2026-01-02T00:00:00Z'),
        named('staging-registry-ffffffff-333333', '2026-01-03T00:00:00Z'),
      ]),
    },
  ]);
  const found = await new Docker().containersOf(stack.ofType('docker_container')[0]);
  expect(found.map(({ Name }) => Name)).toEqual([
    'staging-registry-0a1b2c3d-222222',
    'staging-registry-0a1b2c3d-111111',
  ]);
  const [call] = fakes.calls('docker');
  for (const label of ['environment=staging', 'stack=staging', 'component=registry', 'kind=workload']) {
    expect(call).toContain(`--filter label=cdktf-mlops.${label}`);
  }
});

test('one that gets unhealthy is shown with its real name', async () => {
  const address = 'docker_container.registry_1';
  const events = (...lines: object[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  fakes.add('terraform', [
    { match: /^init /, script: '/bin/mkdir -p .terraform' },
    {
      match: /^plan /,
      code: 2,
      stdout: events({ type: 'planned_change', change: { action: 'create', resource: { addr: address } } }),
    },
    { match: /^state pull/, stdout: JSON.stringify(stateWith('staging-registry-0a1b2c3d-222222', 'a-password')) },
    {
      match: /^apply /,
      code: 1,
      stdout: events({ type: 'diagnostic', diagnostic: { severity: 'error', summary: 'not healthy', address } }),
    },
  ]);
  const sick = {
    ...named('staging-registry-0a1b2c3d-222222', '2026-01-02T00:00:00Z'),
    State: {
      Status: 'running',
      Running: true,
      ExitCode: 0,
      OOMKilled: false,
      Error: '',
      Health: { Status: 'unhealthy' },
    },
  };
  fakes.add('docker', [
    { match: /^ps -a/, stdout: 'x\n' },
    { match: /^container inspect x/, stdout: JSON.stringify([sick]) },
    { match: /^network ls/, stdout: 'net-1 staging\n' },
    { match: /^volume ls/, stdout: '' },
    { match: /^logs --tail 30 staging-registry-0a1b2c3d-222222/, stderr: 'FATAL: no such role\n' },
  ]);
  const session = new Session(project, new Progress(new Lines()), undefined);
  await expect(deployStack(session, stack, { yes: true })).rejects.toMatchObject({
    message: 'staging is not deployed: staging-registry-0a1b2c3d-222222 did not become healthy',
    log: expect.arrayContaining([expect.stringContaining('FATAL: no such role')]) as string[],
  });
});
