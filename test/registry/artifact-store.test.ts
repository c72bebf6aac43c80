import { Publish, Secret } from '../../lib/core';
import { ArtifactStore, ArtifactStoreProps } from '../../lib/registry/artifact-store';
import { fakeStack } from '../support/fake-platform';

function make(props: Omit<ArtifactStoreProps, 'platform'> = {}) {
  const { stack, platform } = fakeStack();
  const store = new ArtifactStore(stack, 'artifacts', { platform, ...props });
  return { store, server: platform.workload('artifacts'), task: platform.task('artifacts/bucket') };
}

test('the server keeps objects on a volume that outlives it, and needs no root', () => {
  const { server, store } = make();
  expect(server.spec.image.resolve(server)).toBe('versity/versitygw:v1.8.0');
  expect(server.spec.user).toBe('1000:1000');
  expect(server.spec.volumes).toEqual([
    expect.objectContaining({
      kind: 'persistent',
      name: 'data',
      mountPath: '/data',
      sizeBytes: 50 * 2 ** 30,
      protect: false,
    }),
  ]);
  expect(server.spec.resources).toMatchObject({ cpuMillis: 1000, memoryBytes: 512 * 2 ** 20 });
  expect(server.props.healthCheck).toMatchObject({ path: '/health', port: 7070, startSeconds: 60 });
  expect(server.spec.entrypoint!.slice(4)).toEqual([
    ...['--port', ':7070', '--region', 'us-east-1', '--health', '/health', 'posix', '/data'],
  ]);
  expect(store).toMatchObject({ bucket: 'artifacts', region: 'us-east-1' });
  expect(store.endpoint.url).toBe('http://test-artifacts:7070');
});

test('keys are files, and stand in no environment and no command line', () => {
  const { store, server, task } = make();
  for (const container of [server, task]) {
    expect(container.spec.secrets).toEqual({ 'access-key': store.accessKey, 'secret-key': store.secretKey });
  }
  const texts = JSON.stringify([
    server.spec.entrypoint,
    server.spec.environment,
    task.spec.environment,
    task.props.script,
  ]);
  expect(texts).not.toContain('TfToken');
});

test('a task creates the bucket with the image of the server, and whoever needs the store waits for it', () => {
  const { store, server, task } = make({ bucket: 'models', region: 'eu-central-1' });
  expect(task.spec.image.resolve(task)).toBe('versity/versitygw:v1.8.0');
  expect(task.spec.environment).toEqual({
    ADMIN_ENDPOINT_URL: 'http://test-artifacts:7070',
    ADMIN_REGION: 'eu-central-1',
    BUCKET: 'models',
  });
  expect(task.spec.dependsOn).toEqual([server]);
  expect(task.spec.reaches).toEqual([store.endpoint]);
  expect(store.containers).toEqual([server, task]);
});

test('size, publication, protection and keys are handed on', () => {
  const { stack, platform } = fakeStack();
  const [accessKey, secretKey] = ['a', 's'].map((id) => Secret.generated(stack, id));
  const store = new ArtifactStore(stack, 'artifacts', {
    platform,
    accessKey,
    secretKey,
    storage: '5Gi',
    publish: Publish.onLoopback(7070),
    protect: true,
  });
  expect(store).toMatchObject({ accessKey, secretKey });
  expect(store.endpoint.publishedUrl).toBe('http://127.0.0.1:7070');
  expect(platform.workload('artifacts').spec.volumes![0]).toMatchObject({ sizeBytes: 5 * 2 ** 30, protect: true });
});

test.each<[Omit<ArtifactStoreProps, 'platform'>, string]>([
  [{ bucket: 'My_Bucket' }, `'bucket' is "My_Bucket"; use 3 to 63 lower-case letters`],
  [{ bucket: 'ab' }, `'bucket' is "ab"; use 3 to 63`],
  [{ bucket: '10.0.0.1' }, `'bucket' is "10.0.0.1"; use 3 to 63`],
  [{ bucket: 'health' }, `'bucket' is "health"; choose another name`],
  [{ region: 'EU Central' }, `'region' is "EU Central"; write a region such as 'us-east-1'`],
])('refuses %j', (props, message) => {
  expect(() => make(props)).toThrow(message);
});

test('a bucket that exists is described and not made', () => {
  const { stack } = fakeStack();
  const [accessKey, secretKey] = ['a', 's'].map((id) => Secret.generated(stack, id));
  const existing = { endpointUrl: 'https://s3.example.com', bucket: 'ml-artifacts', accessKey, secretKey };
  expect(ArtifactStore.fromBucket(existing)).toMatchObject({
    endpoint: { url: 'https://s3.example.com:443' },
    bucket: 'ml-artifacts',
    region: 'us-east-1',
    accessKey,
    secretKey,
    dependables: [],
    containers: [],
  });
  expect(() => ArtifactStore.fromBucket({ ...existing, bucket: 'no' })).toThrow(
    `ArtifactStore.fromBucket: 'bucket' is "no"`,
  );
});

test('Prometheus asks for its health', () => {
  expect(make().store.observability.jobs).toEqual([
    { name: 'artifacts', targets: ['http://test-artifacts:7070/health'], probe: 'http_2xx' },
  ]);
});
