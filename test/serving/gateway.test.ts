import { LiveDirectory, Publish, Resources, Secret } from '../../lib/core';
import { Gateway, GatewayProps } from '../../lib/serving/gateway';
import { fakeStack } from '../support/fake-platform';

function make(props: Omit<GatewayProps, 'platform'> | ((secret: (id: string) => Secret) => object) = {}) {
  const { stack, platform } = fakeStack();
  const given = typeof props === 'function' ? props((id) => Secret.generated(stack, id)) : props;
  const gateway = new Gateway(stack, 'gateway', { platform, ...given });
  const server = platform.workload('gateway');
  const file = (name: string) => server.spec.files!.find(({ path }) => path === `/etc/gateway/${name}`)!;
  return { gateway, platform, server, file };
}

test('runs HAProxy as its own user behind our entrypoint, with the documented limits', () => {
  const { server, file } = make();
  expect(server.spec.image.resolve(server)).toBe('haproxy:3.0.11-alpine');
  expect(server.spec.entrypoint).toEqual(['sh', '/etc/gateway/entrypoint.sh']);
  expect(server.spec.user).toBe('99:99');
  expect(server.spec.resources).toMatchObject({ cpuMillis: 1000, memoryBytes: 256 * 2 ** 20 });
  expect(file('entrypoint.sh').executable).toBe(true);
  expect(file('haproxy.cfg').content).toContain('gt 16777216 }');
  expect(file('haproxy.cfg').content).toContain('timeout server 60s');
});

test('is healthy by its own port, and publishes nothing unless asked', () => {
  const { gateway, server } = make();
  expect(server.props.healthCheck).toMatchObject({ path: '/-/healthy', port: 8405 });
  expect(server.props.ports).toEqual([
    { name: 'http', port: 8080, scheme: 'http', publish: undefined },
    { name: 'metrics', port: 8405 },
  ]);
  expect(gateway.endpoint).toMatchObject({ url: 'http://test-gateway:8080', publishedUrl: undefined });
  expect(make({ publish: Publish.onLoopback(18080) }).gateway.endpoint.publishedUrl).toBe('http://127.0.0.1:18080');
});

test('outlives its requests: the platform waits ten seconds longer than the gateway does', () => {
  const stop = (props: object) => [make(props).server.stopSeconds, make(props).file('entrypoint.sh').content] as const;
  expect(stop({})[0]).toBe(30);
  expect(stop({})[1]).toContain('stop_seconds=20');
  expect(stop({ stopSeconds: 45 })[0]).toBe(55);
  expect(stop({ stopSeconds: 45 })[1]).toContain('stop_seconds=45');
});

test('has a live directory of its own, or takes one', () => {
  const own = make();
  expect(own.platform.directories.map((d) => [d.componentPath, d.props!.owner])).toEqual([
    ['gateway/release', '99:99'],
  ]);
  expect(own.server.spec.volumes).toEqual([
    expect.objectContaining({ kind: 'live', mountPath: '/live', directory: own.gateway.directory }),
  ]);
  const { stack, platform } = fakeStack();
  const directory = LiveDirectory.create(stack, 'release', { platform, owner: '99:99' });
  expect(new Gateway(stack, 'gateway', { platform, directory }).directory).toBe(directory);
  expect(platform.directories).toEqual([directory]);
});

test('speaks HTTPS only, once it has a certificate, which is a file', () => {
  const { gateway, server, file } = make((secret) => ({ tlsCertificate: secret('certificate') }));
  expect(gateway.endpoint.url).toBe('https://test-gateway:8443');
  expect(Object.keys(server.spec.secrets!)).toEqual(['gateway-certificate']);
  expect(file('haproxy.cfg').content).toContain('bind :8443 ssl crt /run/secrets/gateway-certificate');
});

test('asks for tokens, once it has some, and keeps them in one file', () => {
  const { server, file } = make((secret) => ({ tokens: { alice: secret('a'), bob: secret('b') } }));
  expect(Object.keys(server.spec.secrets!)).toEqual(['gateway-tokens']);
  expect(file('haproxy.cfg').content).toContain('map(/run/secrets/gateway-tokens)');
  expect(JSON.stringify([server.spec.files, server.spec.entrypoint])).not.toContain('TfToken');
});

test('hands limits and times on', () => {
  const { server, file } = make({
    resources: Resources.of({ memory: '64Mi' }),
    timeoutSeconds: 7,
    maxBodyBytes: 1000,
  });
  expect(server.spec.resources).toMatchObject({ cpuMillis: undefined, memoryBytes: 64 * 2 ** 20 });
  expect(file('haproxy.cfg').content).toContain('timeout server 7s');
  expect(file('haproxy.cfg').content).toContain('gt 1000 }');
});

test('is scraped and probed', () => {
  const jobs = make().gateway.observability.jobs!;
  expect(jobs.flatMap(({ targets }) => targets)).toEqual(
    expect.arrayContaining(['test-gateway:8405', 'http://test-gateway:8080/-/healthy']),
  );
});

test.each<[object, string]>([
  [{ tokens: {} }, `test/gateway: 'tokens' is {}; give at least one user, or leave it out`],
  [{ tokens: { 'Al ice': undefined } }, `test/gateway: 'tokens' is "Al ice"; use lower-case letters`],
  [{ stopSeconds: 0 }, `test/gateway: 'stopSeconds' is 0`],
  [{ timeoutSeconds: 1.5 }, `test/gateway: 'timeoutSeconds' is 1.5`],
  [{ maxBodyBytes: -1 }, `test/gateway: 'maxBodyBytes' is -1`],
])('refuses %j', (props, message) => {
  expect(() => make(props)).toThrow(message);
});
