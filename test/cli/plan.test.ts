import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { main } from '../../lib/cli/main';
import { FakePrograms } from './fake-programs';
import { fixtureProject, inspected, stateWith } from './stack-fixture';

const VERSION = { match: /^version/, stdout: '{"terraform_version": "1.9.0"}' };
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
    VERSION,
    { match: /^init /, script: '/bin/mkdir -p .terraform' },
    { match: /^state pull/, stdout: JSON.stringify(stateWith('c0ffee', 'a-generated-password')) },
    {
      match: /^plan .*-refresh=false/,
      stdout: code === 0 ? 'No changes.' : '1 to add, for a-generated-password',
      stderr: code === 1 ? '│ Error: no such provider' : '',
      code,
    },
  ]);
  fakes.add('docker', [
    { match: /^version/, stdout: '20.10' },
    { match: /^(ps -a|network ls|volume ls)/, stdout: '' },
    { match: /^container inspect c0ffee/, stdout: JSON.stringify(containers), code: 0 },
  ]);
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
  expect(shown).toContain('On this Docker Engine there is less than in the state');
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

describe('before anything is planned', () => {
  test('Terraform is missing', async () => {
    await main(['node', 'cdktf-mlops', 'plan', 'staging']);
    expect(shown).toContain('error: Terraform is not installed');
    expect(process.exitCode).toBe(3);
  });

  test('the Docker Engine is down', async () => {
    fakes.add('terraform', [VERSION]);
    fakes.add('docker', [{ match: /^version/, stderr: 'Cannot connect to the Docker daemon', code: 1 }]);
    await main(['node', 'cdktf-mlops', 'plan', 'staging']);
    expect(shown).toContain('error: the Docker Engine does not answer');
    expect(shown).toContain('remedy: run `cdktf-mlops doctor`');
    expect(process.exitCode).toBe(3);
  });

  test('a stack that there is not: nothing is chosen for it', async () => {
    const supply = join(process.cwd(), '.cdktf-mlops', 'supply.json');
    rmSync(supply);
    fakes.add('terraform', [VERSION]);
    fakes.add('docker', [{ match: /^version/, stdout: '20.10' }]);
    await main(['node', 'cdktf-mlops', 'plan', 'nosuch']);
    expect(shown).toContain("error: there is no stack 'nosuch'\nremedy: use one of: staging.");
    expect(shown).not.toContain('registries');
    expect(existsSync(supply)).toBe(false);
  });
});

test('what a plan needs of the supply is not recorded', async () => {
  const supply = join(process.cwd(), '.cdktf-mlops', 'supply.json');
  rmSync(supply);
  const context = { 'cdktf-mlops:providers': {}, 'cdktf-mlops:images': {} };
  writeFileSync(join(process.cwd(), 'cdktf.json'), JSON.stringify({ app: 'true', context }));
  await expect(plan(0, [inspected()])).resolves.toBe(0);
  expect(existsSync(supply)).toBe(false);
});

test('a program that refuses its input says all that is wrong', async () => {
  fakes.add('terraform', [VERSION]);
  fakes.add('docker', [{ match: /^version/, stdout: '20.10' }]);
  fakes.add('refuse', [
    {
      match: /^$/,
      stderr:
        'stack.ts:1\n  throw x;\n\nError: Validation failed with the following errors:\n  [staging/a] shares add up to 90\n' +
        '  [staging/b] no such model\n    at validate (stack.ts:1:1)\n\nNode.js v20.16.0\n',
      code: 1,
    },
  ]);
  writeFileSync(join(process.cwd(), 'cdktf.json'), JSON.stringify({ app: 'refuse' }));
  await main(['node', 'cdktf-mlops', 'plan', 'staging']);
  expect(shown).toContain(
    'error: Validation failed with the following errors:\n  |   [staging/a] shares add up to 90\n' +
      '  |   [staging/b] no such model\nremedy: correct what the message names',
  );
  expect(shown).not.toContain('at validate');
});

test.each([
  [['status'], "nothing of 'staging' is deployed\nremedy: deploy it: `npm start`."],
  [['credentials', 'staging', 'registry'], "nothing of 'staging' is deployed\nremedy: deploy it: `npm start`."],
  [['status', 'nosuch'], "there is no environment 'nosuch'\nremedy: use one of: staging."],
  [['credentials', 'nosuch', 'registry'], "there is no environment 'nosuch'\nremedy: use one of: staging."],
])('%j where nothing was deployed needs no Terraform', async (args, message) => {
  fakes.add('docker', [{ match: /^ps -a/, stdout: '' }]);
  await main(['node', 'cdktf-mlops', ...args]);
  expect(shown).toContain(`error: ${message}`);
  expect(process.exitCode).toBe(1);
});

test.each([['plan', 'staging'], ['doctor'], ['deploy', 'staging', '--yes'], ['start']])(
  "another checkout's environment ends %s before anything is built",
  async (...args) => {
    fakes.add('terraform', [VERSION]);
    fakes.add('docker', [
      { match: /^version/, stdout: '20.10' },
      { match: /^info/, stdout: '/' },
      { match: /^ps -a/, stdout: 'theirs\n' },
      { match: /^container inspect theirs/, stdout: JSON.stringify([inspected({ Id: 'theirs' })]) },
      { match: /^network ls/, stdout: 'net-1 staging\n' },
      { match: /^volume ls/, stdout: '' },
    ]);
    await main(['node', 'cdktf-mlops', ...args]);
    expect(shown).toContain("error: staging exists on this Docker Engine, and this project's state does not know it");
    expect(shown).toContain('another checkout');
    expect(process.exitCode).toBe(1);
  },
);
