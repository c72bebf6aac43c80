import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { forwardsOf, keepForward } from '../../lib/cli/forward';
import { Kubernetes, KubeObject } from '../../lib/cli/kubernetes';
import { Progress } from '../../lib/cli/progress';
import { Session } from '../../lib/cli/session';
import { StackFile } from '../../lib/cli/stack-file';
import { Answer, FakePrograms, Lines } from './fake-programs';
import { kubernetesProject, list, object } from './kubernetes-fixture';

const SERVICE = object('Service', 'production-gateway', {
  metadata: { annotations: { 'cdktf-mlops.forward': 'http=127.0.0.1:8080, stats=127.0.0.2:9000' } },
  spec: {
    selector: { app: 'gateway' },
    ports: [
      { name: 'http', port: 8080, targetPort: 18080 },
      { name: 'stats', port: 9000 },
    ],
  },
}) as unknown as KubeObject;
const pod = (name: string): object =>
  object('Pod', name, { status: { conditions: [{ type: 'Ready', status: 'True' }] } });
const TUNNEL: Answer = {
  match: /port-forward/,
  // Goes on until it is ended.
  script: `echo 'Forwarding from 127.0.0.1:40123 -> 18080'; exec /bin/sleep 30`,
};

let fakes: FakePrograms;

beforeEach(() => {
  fakes = new FakePrograms();
});

afterEach(() => fakes.restore());

const tunnels = (): string[] => fakes.calls('kubectl').filter((call) => call.includes('port-forward'));

test('what is forwarded stands in the annotation of a Service', () => {
  expect(forwardsOf([SERVICE])).toEqual([
    { service: SERVICE, portName: 'http', address: '127.0.0.1', localPort: 8080 },
    { service: SERVICE, portName: 'stats', address: '127.0.0.2', localPort: 9000 },
  ]);
  expect(forwardsOf([object('Service', 'x') as unknown as KubeObject])).toEqual([]);
});

test('a port goes to a pod that is ready, and to another one when that is replaced', async () => {
  const current = join(fakes.directory, 'current');
  writeFileSync(current, list(pod('first')));
  fakes.add('kubectl', [TUNNEL, { match: /get pods/, script: `stdout=$(<${current})` }]);
  const stop = new AbortController();
  const kept = keepForward(new Kubernetes({ context: 'prod' }), forwardsOf([SERVICE])[0], stop.signal, () => undefined);
  await until(() => tunnels().length === 1);
  writeFileSync(current, list(pod('second')));
  await until(() => tunnels().length === 2);
  stop.abort();
  await kept;
  expect(tunnels()).toEqual([
    '--context prod port-forward --namespace=production --address=127.0.0.1 pod/first 8080:18080',
    '--context prod port-forward --namespace=production --address=127.0.0.1 pod/second 8080:18080',
  ]);
}, 15_000);

test('a component is reached by a port that is free, whoever listens on the published one', async () => {
  fakes.add('kubectl', [
    TUNNEL,
    { match: /get services/, stdout: list(SERVICE) },
    { match: /get pods/, stdout: list(pod('first')) },
  ]);
  const session = new Session(kubernetesProject(), new Progress(new Lines()), undefined);
  const platform = session.platformOf(StackFile.get(session.project, 'production'));
  const opened = await platform.open('production', 'http://127.0.0.1:8080');
  expect(opened?.url).toBe('http://127.0.0.1:40123');
  opened?.close();
  const inside = await platform.open('production', 'http://production-gateway.production.svc.cluster.local:8080');
  expect(inside?.url).toBe('http://127.0.0.1:40123');
  inside?.close();
  expect(tunnels().map((call) => call.split(' ').at(-1))).toEqual([':18080', ':18080']);
  expect((await platform.open('production', 'https://models.example.com'))?.url).toBe('https://models.example.com');
});

test('without a pod that is ready it says so', async () => {
  fakes.add('kubectl', [
    { match: /get services/, stdout: list(SERVICE) },
    { match: /get pods/, stdout: list() },
  ]);
  const session = new Session(kubernetesProject(), new Progress(new Lines()), undefined);
  const platform = session.platformOf(StackFile.get(session.project, 'production'));
  await expect(platform.open('production', 'http://127.0.0.1:8080')).rejects.toThrow(
    'no pod of production-gateway is ready',
  );
});

async function until(condition: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 120 && !condition(); attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(condition()).toBe(true);
}
