import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lockProject } from '../../lib/cli/lock';
import { Project } from '../../lib/cli/project';
import { fixtureProject } from './stack-fixture';

let project: Project;
let file: string;

beforeEach(() => {
  project = fixtureProject();
  file = join(project.dataDir, 'lock.json');
});

afterEach(() => jest.restoreAllMocks());

const holder = (): { pid: number; command: string } =>
  JSON.parse(readFileSync(file, 'utf8')) as { pid: number; command: string };

function held(values: object): void {
  mkdirSync(project.dataDir, { recursive: true });
  writeFileSync(file, JSON.stringify({ command: 'deploy staging', since: '2026-01-01T00:00:00Z', ...values }));
}

test('says who has it, for nobody else to read, and goes at the end', () => {
  const ends: Array<() => void> = [];
  jest.spyOn(process, 'on').mockImplementation((event, listener) => {
    if (event === 'exit') ends.push(listener as () => void);
    return process;
  });
  lockProject(project, 'start staging');
  expect(holder()).toMatchObject({ pid: process.pid, command: 'start staging' });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(project.dataDir)).toEqual(['lock.json']);
  // The same command may ask twice.
  expect(() => lockProject(project, 'start staging')).not.toThrow();
  ends.forEach((end) => end());
  expect(existsSync(file)).toBe(false);
});

test('a second command at the same time is told who works', () => {
  const other = spawn('/bin/sleep', ['60'], { stdio: 'ignore' });
  try {
    held({ pid: other.pid });
    expect(() => lockProject(project, 'start staging')).toThrow(
      expect.objectContaining({
        message: `another command works on ${project.root}: \`cdktf-mlops deploy staging\` (process ${other.pid}, since 2026-01-01T00:00:00Z)`,
        remedy: expect.stringContaining('wait until it has ended') as string,
      }),
    );
    expect(holder().pid).toBe(other.pid);
  } finally {
    other.kill('SIGKILL');
  }
});

test('what a killed command left is taken over', () => {
  held({ pid: 2 ** 22 + 7 });
  lockProject(project, 'start staging');
  expect(holder().pid).toBe(process.pid);
});

const onLinux = process.platform === 'linux' ? test : test.skip;
onLinux('a later process of the same number does not count', () => {
  held({ pid: process.ppid, startTicks: '1' });
  lockProject(project, 'start staging');
  expect(holder().pid).toBe(process.pid);
});

test('what can not be read is replaced', () => {
  mkdirSync(project.dataDir);
  writeFileSync(file, '');
  lockProject(project, 'start staging');
  expect(holder().pid).toBe(process.pid);
});
