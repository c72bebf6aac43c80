import { AddressInfo, createServer, Server } from 'node:net';
import { CommandError, EXIT } from '../../lib/cli/command-error';
import { Docker } from '../../lib/cli/docker';
import { checkPorts } from '../../lib/cli/ports';
import { StackFile } from '../../lib/cli/stack-file';
import { FakePrograms } from './fake-programs';
import { fixtureProject, inspected } from './stack-fixture';

let fakes: FakePrograms;
let server: Server;
let port: number;

beforeEach(async () => {
  fakes = new FakePrograms();
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});

afterEach(async () => {
  fakes.restore();
  await new Promise((resolve) => server.close(resolve));
});

function check(): Promise<void> {
  return checkPorts([StackFile.get(fixtureProject(port), 'staging')], new Docker());
}

test('a taken port ends with who has it and what wants it', async () => {
  fakes.add('docker', [
    { match: /^container inspect/, stdout: '[]', code: 1 },
    { match: /^ps --filter/, stdout: '' },
  ]);
  const error: unknown = await check().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(CommandError);
  const { message, log, exitCode } = error as CommandError;
  expect(message).toBe('a port is taken');
  expect(log[0]).toContain(`127.0.0.1:${port}, wanted by registry (staging), is taken by `);
  if (process.platform === 'linux') {
    expect(log[0]).toContain(`(process ${process.pid})`);
  }
  expect(exitCode).toBe(EXIT.MACHINE);
});

test("another container's port is named by the container", async () => {
  fakes.add('docker', [
    { match: /^container inspect/, stdout: '[]', code: 1 },
    { match: /^ps --filter/, stdout: 'somebodys-web\n' },
  ]);
  await expect(check()).rejects.toMatchObject({ log: [expect.stringContaining('the container somebodys-web')] });
});

test("the stack's own running container may have it", async () => {
  fakes.add('docker', [{ match: /^container inspect/, stdout: JSON.stringify([inspected()]) }]);
  await expect(check()).resolves.toBeUndefined();
});

test('a free port is free', async () => {
  await new Promise((resolve) => server.close(resolve));
  fakes.add('docker', [{ match: /^container inspect/, stdout: '[]', code: 1 }]);
  await expect(check()).resolves.toBeUndefined();
});
