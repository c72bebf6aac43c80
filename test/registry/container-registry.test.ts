import { parse } from 'yaml';
import { Publish, Secret } from '../../lib/core';
import { ContainerRegistry, ContainerRegistryProps } from '../../lib/registry/container-registry';
import { fakeStack } from '../support/fake-platform';

function make(props: Omit<ContainerRegistryProps, 'platform'> = {}) {
  const { stack, platform } = fakeStack();
  const registry = new ContainerRegistry(stack, 'containers', { platform, ...props });
  const server = platform.workload('containers');
  const [file] = server.spec.files!;
  return { registry, server, file, configuration: parse(file.content) };
}

test('the server keeps images on a volume that outlives it, and needs no root', () => {
  const { server } = make();
  expect(server.spec.image.resolve(server)).toBe('registry:2.8.3');
  expect(server.spec.user).toBe('1000:1000');
  expect(server.spec.volumes).toEqual([
    expect.objectContaining({
      kind: 'persistent',
      mountPath: '/var/lib/registry',
      sizeBytes: 50 * 2 ** 30,
      protect: false,
    }),
  ]);
  expect(server.spec.resources).toMatchObject({ cpuMillis: 1000, memoryBytes: 512 * 2 ** 20 });
  expect(server.props.healthCheck).toMatchObject({ path: '/', port: 5000 });
  expect(server.spec.secrets).toBeUndefined();
});

test('images can be deleted, and metrics have a port that is never published', () => {
  const { configuration, file, server } = make({ publish: Publish.onLoopback(5000) });
  expect(file.path).toBe('/etc/docker/registry/config.yml');
  expect(configuration).toMatchObject({
    version: '0.1',
    storage: { filesystem: { rootdirectory: '/var/lib/registry' }, delete: { enabled: true } },
    http: { addr: ':5000', debug: { addr: ':5001', prometheus: { enabled: true, path: '/metrics' } } },
  });
  expect(configuration.auth).toBeUndefined();
  expect(server.props.ports).toEqual([
    { name: 'http', port: 5000, publish: expect.objectContaining({ address: '127.0.0.1', port: 5000 }) },
    { name: 'metrics', port: 5001 },
  ]);
});

test('images are named by where an engine reaches it', () => {
  expect(make().registry.address).toBe('test-containers:5000');
  expect(make({ publish: Publish.onLoopback(15000) }).registry.address).toBe('127.0.0.1:15000');
});

test('users come from a secret', () => {
  const { stack, platform } = fakeStack();
  const htpasswd = Secret.fromVariable(stack, 'users', 'htpasswd of the registry');
  new ContainerRegistry(stack, 'containers', {
    platform,
    htpasswd,
    publish: Publish.onAddress('10.0.0.5', 5000),
    storage: '5Gi',
    protect: true,
  });
  const { spec } = platform.workload('containers');
  expect(spec.secrets).toEqual({ htpasswd });
  expect(parse(spec.files![0].content).auth).toEqual({
    htpasswd: { realm: 'registry', path: '/run/secrets/htpasswd' },
  });
  expect(spec.volumes![0]).toMatchObject({ sizeBytes: 5 * 2 ** 30, protect: true });
});

test('refuses to let everybody push from beyond this machine', () => {
  expect(() => make({ publish: Publish.onAddress('0.0.0.0', 5000) })).toThrow(
    `test/containers: 'publish' is "0.0.0.0"; give htpasswd too: without it everybody who reaches the address may push images`,
  );
});

test.each(['registry.example.com', 'localhost:5000', 'ghcr.io/org/team'])('takes %s that exists', (address) => {
  expect(ContainerRegistry.fromAddress(address)).toEqual({ address, dependables: [], containers: [] });
});

test.each(['https://registry.example.com', 'Registry.example.com', 'host:port', 'host/'])('refuses %s', (address) => {
  expect(() => ContainerRegistry.fromAddress(address)).toThrow('write it as image references begin');
});

test('Prometheus scrapes the metrics port', () => {
  expect(make().registry.observability.jobs).toEqual([{ name: 'containers', targets: ['test-containers:5001'] }]);
});
