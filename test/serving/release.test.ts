import { App, TerraformStack, Testing } from 'cdktf';
import { DockerPlatform } from '../../lib';
import { Endpoint, SecretBundle, UpdateStrategy } from '../../lib/core';
import { releaseHash } from '../../lib/serving/haproxy';
import { Release, ReleaseData, ReleaseProps } from '../../lib/serving/release';
import { fakeStack } from '../support/fake-platform';

const two: ReleaseData = {
  models: {
    cancer: {
      versions: [
        { version: 1, share: 90 },
        { version: 2, share: 10 },
      ],
    },
  },
};

function make(data: ReleaseData = two, props: Partial<ReleaseProps> = {}) {
  const { stack, platform } = fakeStack();
  const release = new Release(stack, 'models', { platform, data, ...props });
  const [publication] = platform.publications;
  return { release, platform, publication, files: publication.props.files };
}

test('one server for each version, named by it, from the registry of the environment', () => {
  const { release, platform } = make();
  expect(Object.keys(release.servers)).toEqual(['cancer/v1', 'cancer/v2']);
  expect(platform.workloads.map((w) => w.physicalName)).toEqual(['test-models-cancer-v1', 'test-models-cancer-v2']);
  const server = platform.workload('models/cancer/v2');
  expect(server.spec.environment).toMatchObject({
    MLOPS_MODEL_URI: 'models:/cancer/2',
    MLFLOW_TRACKING_URI: 'http://test-registry:5000',
    MLFLOW_TRACKING_USERNAME: 'serving',
  });
  expect(server.spec.secretBundle!.physicalName).toBe('test-model-credentials');
  expect(server.spec.resources).toMatchObject({ cpuMillis: 1000, memoryBytes: 2 ** 30 });
  expect(server).toMatchObject({ replicas: 1, update: UpdateStrategy.CREATE_FIRST });
});

test('servers are scaled as the data says, or by two to four in a highly available release', () => {
  const scaled = (spreads: boolean, highlyAvailable: boolean, model: object) => {
    const { stack, platform } = fakeStack();
    platform.spreadsReplicas = spreads;
    const data = { models: { m: { versions: [{ version: 1, share: 100 }], ...model } } };
    new Release(stack, 'models', { platform, data, highlyAvailable });
    const { replicas, props } = platform.workload('models/m/v1');
    return { replicas, autoscaling: props.autoscaling };
  };
  const autoscaling = { minReplicas: 3, maxReplicas: 9, cpuPercent: 60 };
  expect(scaled(true, false, { autoscaling })).toEqual({ replicas: 1, autoscaling });
  expect(scaled(true, true, { autoscaling })).toEqual({ replicas: 1, autoscaling });
  expect(scaled(true, true, {})).toEqual({ replicas: 1, autoscaling: { minReplicas: 2, maxReplicas: 4 } });
  expect(scaled(true, true, { replicas: 5 })).toEqual({ replicas: 5, autoscaling: undefined });
  // On one machine the same data runs the lower bound.
  expect(scaled(false, false, { autoscaling })).toEqual({ replicas: 3, autoscaling: undefined });
  expect(scaled(false, true, {})).toEqual({ replicas: 2, autoscaling: undefined });
  expect(scaled(false, false, {})).toEqual({ replicas: 1, autoscaling: undefined });
});

test('another registry, another user and other limits are handed on', () => {
  const { stack, platform } = fakeStack();
  new Release(stack, 'models', {
    platform,
    data: { models: { m: { versions: [{ version: 7, share: 100 }], replicas: 2, cpu: '250m', memory: '256Mi' } } },
    trackingEndpoint: Endpoint.fromUrl('https://mlflow.example.com'),
    username: 'reader',
    credentials: SecretBundle.fromName(stack, 'other', platform, 'other'),
  });
  const server = platform.workload('models/m/v7');
  expect(server.replicas).toBe(2);
  expect(server.spec.environment).toMatchObject({
    MLFLOW_TRACKING_URI: 'https://mlflow.example.com:443',
    MLFLOW_TRACKING_USERNAME: 'reader',
  });
  expect(server.spec.secretBundle!.physicalName).toBe('test-other');
  expect(server.spec.resources).toMatchObject({ cpuMillis: 250, memoryBytes: 256 * 2 ** 20 });
});

test('shares and targets are published to the live directory, after the servers, and the gateway confirms', () => {
  const { release, publication, files } = make();
  expect(publication.props.directory.physicalName).toBe('test-release');
  expect(publication.props.confirm).toEqual([
    {
      file: 'models.cfg',
      url: 'http://test-gateway:8405/-/release',
      text: `"release":"${releaseHash(publication.props.files['models.cfg'])}"`,
    },
  ]);
  expect(publication.props.names).toEqual(Object.values(release.servers).map((s) => s.workload));
  expect(files['models.cfg']).toMatch(/server 1 test-models-cancer-v1:8080 weight 90\n.*server 2 \S+ weight 10\n/);
  expect(JSON.parse(files['model-targets.json'])).toEqual([
    { targets: ['test-models-cancer-v1:8082'], labels: { model: 'cancer', version: '1' } },
    { targets: ['test-models-cancer-v2:8082'], labels: { model: 'cancer', version: '2' } },
  ]);
});

test('every replica is a target of Prometheus', () => {
  const { files } = make({ models: { m: { versions: [{ version: 1, share: 100 }], replicas: 2 } } });
  expect((JSON.parse(files['model-targets.json']) as { targets: string[] }[])[0].targets).toEqual([
    'test-models-m-v1-1:8082',
    'test-models-m-v1-2:8082',
  ]);
});

test('a release of nothing is a release: the gateway says so', () => {
  const { release, files } = make({ models: {} });
  expect(release.servers).toEqual({});
  expect(files['models.cfg']).toContain('no model is released');
  expect(JSON.parse(files['model-targets.json'])).toEqual([]);
});

test('a changed share is a changed file and leaves every server as it is', () => {
  const synth = (share: number) => {
    const stack = new TerraformStack(new App(), 'models');
    const platform = new DockerPlatform(stack, 'platform', { environment: 'staging', joinNetwork: true });
    const versions = [
      { version: 1, share },
      { version: 2, share: 100 - share },
    ];
    new Release(stack, 'models', { platform, data: { models: { cancer: { versions } } } });
    const { resource } = JSON.parse(Testing.synth(stack)) as { resource: { docker_container: Record<string, object> } };
    return Object.entries(resource.docker_container);
  };
  const [before, after] = [synth(90), synth(10)];
  const changed = after.filter(([, config], i) => JSON.stringify(config) !== JSON.stringify(before[i][1]));
  expect(changed.map(([id]) => id)).toEqual([expect.stringMatching(/^models_shares_container/)]);
  expect(changed[0][1]).toMatchObject({ lifecycle: { create_before_destroy: true } });
});
