import * as fs from 'node:fs';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Progress } from '../../lib/cli/progress';
import { Session } from '../../lib/cli/session';
import { StackFile } from '../../lib/cli/stack-file';
import { configFileEnv, sweepPlans } from '../../lib/cli/terraform';
import { FakePrograms, Lines } from './fake-programs';
import { fixtureProject } from './stack-fixture';

jest.mock('node:fs', () => ({ ...jest.requireActual<typeof fs>('node:fs') }));

/** No process has it: above the greatest number that Linux gives. */
const ENDED = 2 ** 22 + 7;

const saved = { ...process.env };
let temporary: string;

beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'cdktf-mlops-sweep-'));
});

afterEach(() => {
  jest.restoreAllMocks();
  process.env = { ...saved };
  rmSync(temporary, { recursive: true, force: true });
});

function plans(pid: number): string {
  const directory = join(temporary, `cdktf-mlops-plans-${pid}-abc`);
  mkdirSync(directory);
  writeFileSync(join(directory, 'staging.tfplan'), 'secret');
  return directory;
}

describe('plans that were left behind', () => {
  test('go when their command has ended, and stay while it runs', () => {
    const ended = plans(ENDED);
    const running = plans(process.pid);
    sweepPlans(temporary);
    expect(existsSync(ended)).toBe(false);
    expect(existsSync(running)).toBe(true);
  });

  test("another user's stay, and stop nothing", () => {
    const theirs = plans(ENDED);
    jest.spyOn(process, 'getuid' as never).mockReturnValue(4711 as never);
    expect(() => sweepPlans(temporary)).not.toThrow();
    expect(existsSync(theirs)).toBe(true);
  });

  test('what can not be removed stops nothing', () => {
    plans(ENDED);
    jest.spyOn(fs, 'rmSync').mockImplementation(() => {
      throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
    });
    expect(() => sweepPlans(temporary)).not.toThrow();
    jest.restoreAllMocks();
  });
});

describe("Terraform's configuration file", () => {
  test("is the supply's own", () => {
    process.env.TF_CLI_CONFIG_FILE = '/etc/terraform.rc';
    expect(configFileEnv('/own/terraform.rc')).toEqual({ TF_CLI_CONFIG_FILE: '/own/terraform.rc' });
  });

  test('is what the environment names, where there is such a file', () => {
    expect(configFileEnv()).toEqual({});
    process.env.TF_CLI_CONFIG_FILE = __filename;
    expect(configFileEnv()).toEqual({});
    process.env.TF_CLI_CONFIG_FILE = join(temporary, 'missing.rc');
    expect(configFileEnv()).toEqual({ TF_CLI_CONFIG_FILE: undefined });
    expect(Object.keys(configFileEnv())).toEqual(['TF_CLI_CONFIG_FILE']);
  });
});

test('a state that can not be read is not taken for an empty one', async () => {
  const fakes = new FakePrograms();
  try {
    fakes.add('terraform', [
      { match: /^init /, script: '/bin/mkdir -p .terraform' },
      { match: /^state pull/, stderr: '│ Error: AccessDenied: bucket\n', code: 1 },
    ]);
    const session = new Session(fixtureProject(), new Progress(new Lines()), undefined);
    const terraform = await session.terraform(StackFile.get(session.project, 'staging'));
    await expect(terraform.state()).rejects.toMatchObject({
      message: "the state of staging can't be read",
      log: [expect.stringContaining('AccessDenied: bucket')],
      remedy: expect.stringContaining('backend') as string,
    });
  } finally {
    fakes.restore();
  }
});
