import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { main } from '../../lib/cli/main';
import { FakePrograms } from './fake-programs';
import { kubernetesProject } from './kubernetes-fixture';

const directory = process.cwd();
let fakes: FakePrograms;
let shown: string;
let record: string;

beforeEach(() => {
  fakes = new FakePrograms();
  const project = kubernetesProject();
  // What synth gets to know is kept.
  writeFileSync(join(project.root, 'cdktf.json'), JSON.stringify({ app: `echo "$CDKTF_CONTEXT_JSON" > context.json` }));
  process.chdir(project.root);
  record = join(project.dataDir, 'unprotected.json');
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

const command = (...args: string[]): Promise<void> => main(['node', 'cdktf-mlops', ...args]);
const context = (): unknown => JSON.parse(readFileSync('context.json', 'utf8'));

test('taking the protection off says what loses it, records it and tells synth', async () => {
  await command('unprotect', 'production', '--yes');
  expect(shown).toContain('registry/volume-data (persistent volume claim)');
  expect(shown).toContain('production is UNPROTECTED from now on.');
  expect(JSON.parse(readFileSync(record, 'utf8'))).toEqual(['production']);
  expect(context()).toEqual({ 'cdktf-mlops:unprotected': ['production'] });
  await command('protect', 'production');
  expect(shown).toContain('production is protected from now on.');
  expect(existsSync(record)).toBe(false);
  expect(context()).toEqual({});
});

test('without a terminal and without --yes nothing is recorded', async () => {
  await command('unprotect', 'production');
  expect(shown).toContain('error: there is no terminal to ask on');
  expect(existsSync(record)).toBe(false);
  expect(process.exitCode).toBe(1);
});

test('an environment that there is not is told from those that there are', async () => {
  await command('unprotect', 'nosuch', '--yes');
  expect(shown).toContain("error: there is no environment 'nosuch'\nremedy: use one of: production.");
});

test('status says plainly that an environment is unprotected', async () => {
  mkdirSync(join(process.cwd(), '.cdktf-mlops'), { recursive: true });
  writeFileSync(record, '["production"]');
  fakes.add('terraform', [
    { match: /^init /, script: '/bin/mkdir -p .terraform' },
    { match: /^state pull/, stdout: '' },
    { match: /^output .* components/, stdout: '[{"name":"registry"}]' },
  ]);
  fakes.add('kubectl', [{ match: /get /, stdout: '' }]);
  await command('status', 'production');
  expect(shown).toContain('production is UNPROTECTED');
});

test('an unknown stack is said before a supply is chosen, and no Docker is asked for a cluster', async () => {
  fakes.add('terraform', [{ match: /^version/, stdout: '{"terraform_version": "1.9.0"}' }]);
  await command('deploy', 'nosuch', '--yes');
  expect(shown).toContain("error: there is no stack 'nosuch'\nremedy: use one of: production.");
  expect(shown).not.toContain('registries');
  shown = '';
  await command('deploy', 'production', '--yes');
  expect(shown).toContain('error: kubectl is not installed');
  expect(existsSync(join(process.cwd(), '.cdktf-mlops', 'supply.json'))).toBe(false);
});
