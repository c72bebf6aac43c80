import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { main } from '../../lib/cli/main';
import { FakePrograms } from './fake-programs';
import { fixtureProject, inspected, stateWith } from './stack-fixture';

const directory = process.cwd();
let fakes: FakePrograms;
let shown: string;

beforeEach(() => {
  fakes = new FakePrograms();
  const project = fixtureProject();
  writeFileSync(join(project.root, 'cdktf.json'), JSON.stringify({ app: 'true' }));
  mkdirSync(project.dataDir);
  writeFileSync(join(project.dataDir, 'supply.json'), JSON.stringify({ supply: 'published', context: {} }));
  process.chdir(project.root);
  shown = '';
  const write = (text: unknown): boolean => {
    shown += String(text);
    return true;
  };
  jest.spyOn(process.stderr, 'write').mockImplementation(write);
  jest.spyOn(process.stdout, 'write').mockImplementation(write);
});

afterEach(() => {
  process.chdir(directory);
  process.exitCode = 0;
  jest.restoreAllMocks();
  fakes.restore();
});

async function plan(code: number, containers: object[]): Promise<number | string | null | undefined> {
  fakes.add('terraform', [
    { match: /^init /, script: '/bin/mkdir -p .terraform' },
    { match: /^state pull/, stdout: JSON.stringify(stateWith('c0ffee', 'a-generated-password')) },
    {
      match: /^plan .*-refresh=false/,
      stdout: code === 0 ? 'No changes.' : '1 to add, for a-generated-password',
      stderr: code === 1 ? '│ Error: no such provider' : '',
      code,
    },
  ]);
  fakes.add('docker', [{ match: /^container inspect c0ffee/, stdout: JSON.stringify(containers), code: 0 }]);
  await main(['node', 'cdktf-mlops', 'plan', 'staging']);
  return process.exitCode;
}

test('nothing to change', async () => {
  await expect(plan(0, [inspected()])).resolves.toBe(0);
  expect(shown).toContain('No changes.');
  expect(shown).not.toContain('less than');
});

test('changes are shown without secrets', async () => {
  await expect(plan(2, [inspected()])).resolves.toBe(2);
  expect(shown).toContain('1 to add, for ********');
});

test('a container that was removed by hand is a change', async () => {
  await expect(plan(0, [])).resolves.toBe(2);
  expect(shown).toContain('On the Docker Engine there is less than in the state');
  expect(shown).toContain('  registry_1: its container is gone');
});

test('a service that was stopped by hand is a change', async () => {
  const State = { Status: 'exited', Running: false, ExitCode: 0, OOMKilled: false, Error: '' };
  await expect(plan(0, [inspected({ State })])).resolves.toBe(2);
  expect(shown).toContain('  staging-registry: exited, exit code 0');
});

test('a plan that fails says what failed, and what to do', async () => {
  await expect(plan(1, [inspected()])).resolves.toBe(1);
  expect(shown).toContain('error: terraform plan failed for staging\n  |  Error: no such provider\nremedy: ');
});
