import { join } from 'node:path';
import { owner } from '../../lib/cli/components';
import { problemOf } from '../../lib/cli/containers';
import { ContainerInfo } from '../../lib/cli/docker';
import { main } from '../../lib/cli/main';
import { findProject } from '../../lib/cli/project';
import { inspected, temporaryDirectory } from './stack-fixture';

let shown: string;
const directory = process.cwd();

beforeEach(() => {
  shown = '';
  const write = (text: unknown): boolean => {
    shown += String(text);
    return true;
  };
  jest.spyOn(process.stderr, 'write').mockImplementation(write);
  jest.spyOn(process.stdout, 'write').mockImplementation(write);
});

afterEach(() => {
  jest.restoreAllMocks();
  process.exitCode = 0;
  process.chdir(directory);
});

test('outside of a project: one message, a remedy, no stack trace', async () => {
  process.chdir(temporaryDirectory('empty'));
  await main(['node', 'cdktf-mlops', 'status']);
  expect(shown).toMatch(/\nerror: there is no cdktf.json in \S+ or above it\nremedy: .+\n$/);
  expect(shown).not.toMatch(/^\s+at /m);
  expect(process.exitCode).toBe(1);
});

test('the help tells the exit codes', async () => {
  await main(['node', 'cdktf-mlops', '--help']);
  expect(shown).toContain('Exit codes: 0 done');
  expect(process.exitCode).toBe(0);
});

test('an unknown supply is refused, with those that there are', async () => {
  await main(['node', 'cdktf-mlops', 'supply', 'magic']);
  expect(shown).toContain("use 'published' or 'airgap'");
  expect(process.exitCode).toBe(1);
});

test('a project is found from below', () => {
  expect(findProject(join(directory, 'lib', 'cli')).root).toBe(directory);
});

describe('what is wrong with a container', () => {
  const state = (kind: string, values: Record<string, unknown>): ContainerInfo =>
    ({
      ...inspected({ State: { ExitCode: 0, OOMKilled: false, Error: '', ...values } }),
      Name: 'staging-x',
      Config: { Image: 'x', Labels: { 'cdktf-mlops.kind': kind } },
    }) as unknown as ContainerInfo;

  test.each([
    ['a healthy service', 'workload', { Status: 'running', Running: true, Health: { Status: 'healthy' } }, undefined],
    ['a service without a check', 'workload', { Status: 'running', Running: true }, undefined],
    [
      'a sick service',
      'workload',
      { Status: 'running', Running: true, Health: { Status: 'unhealthy' } },
      'staging-x: unhealthy',
    ],
    [
      'a service that has ended',
      'workload',
      { Status: 'exited', Running: false, ExitCode: 137 },
      'staging-x: exited, exit code 137',
    ],
    [
      'a service that starts again and again',
      'workload',
      { Status: 'restarting', Running: true, ExitCode: 1 },
      'staging-x: restarting, exit code 1',
    ],
    ['a preparation that has ended well', 'task', { Status: 'exited', Running: false }, undefined],
    [
      'a preparation that has failed',
      'secrets',
      { Status: 'exited', Running: false, ExitCode: 2 },
      'staging-x: exited, exit code 2',
    ],
    ['a declared job', 'job', { Status: 'created', Running: false }, undefined],
  ])('%s', (_what, kind, values, problem) => {
    expect(problemOf(state(kind, values))).toBe(problem);
  });

  test('a job with a schedule, which waits until it is due, has to run', () => {
    const scheduled = (values: Record<string, unknown>) => {
      const container = state('job', values);
      return {
        ...container,
        Config: { ...container.Config, Labels: { ...container.Config.Labels, 'cdktf-mlops.schedule': '30 2 * * *' } },
      };
    };
    expect(problemOf(scheduled({ Status: 'running', Running: true }))).toBeUndefined();
    expect(problemOf(scheduled({ Status: 'exited', Running: false, ExitCode: 143 }))).toBe(
      'staging-x: exited, exit code 143',
    );
  });
});

test('a container belongs to the longest named component above it', () => {
  const outputs = [{ name: 'registry' }, { name: 'monitoring/prometheus' }];
  expect(owner('registry/users', outputs)).toBe('registry');
  expect(owner('monitoring/prometheus', outputs)).toBe('monitoring/prometheus');
  expect(owner('monitoring/node', outputs)).toBe('monitoring/node');
  expect(owner('models/cancer/v1', outputs)).toBe('models/cancer/v1');
  expect(owner('database/databases', outputs)).toBe('database');
});
