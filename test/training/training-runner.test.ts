import { Endpoint, Image, Resources, Secret, Volume } from '../../lib/core';
import { ModelRegistry } from '../../lib/registry/model-registry';
import { TrainingRunner, TrainingRunnerProps } from '../../lib/training/training-runner';
import { fakeStack } from '../support/fake-platform';

function make(props: Partial<TrainingRunnerProps> = {}) {
  const { stack, platform } = fakeStack();
  const password = Secret.generated(stack, 'password');
  const registry = ModelRegistry.fromTrackingUri({
    trackingUri: 'http://mlflow.example.com:5000',
    trainingUser: { username: 'training', password },
  });
  const runner = new TrainingRunner(stack, 'training', { platform, registry, ...props });
  return { runner, password, stack, job: platform.job('training') };
}

test('declares a job in the image that model servers run too', () => {
  const { runner, job } = make();
  expect(job.spec.image.resolve(job)).toBe('cdktf-mlops/model-runtime:3.17.2-1');
  expect(job.spec.entrypoint).toEqual(['mlops-train']);
  expect(job.spec.user).toBe('1000:1000');
  expect(job.concurrency).toBe(1);
  expect(job.spec.resources).toMatchObject({ cpuMillis: 2000, memoryBytes: 4 * 2 ** 30 });
  expect(job.spec.volumes).toBeUndefined();
  expect(runner.containers).toEqual([job]);
});

test('runs as the training user, with the password in a file', () => {
  const { job, password } = make();
  expect(job.spec.environment).toEqual({
    MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD: 'false',
    MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD: 'false',
    MLFLOW_TRACKING_URI: 'http://mlflow.example.com:5000',
    MLFLOW_TRACKING_USERNAME: 'training',
    MLFLOW_TRACKING_PASSWORD_FILE: '/run/secrets/registry-password',
    MLOPS_REGISTRY_PUBLIC_URL: 'http://mlflow.example.com:5000',
  });
  expect(job.spec.secrets).toEqual({ 'registry-password': password });
});

test('pushes the outcome only where there is a place for it', () => {
  const pushgateway = Endpoint.fromUrl('http://pushgateway:9091');
  expect(make({ pushgateway }).job.spec).toMatchObject({
    environment: { MLOPS_PUSHGATEWAY_URL: 'http://pushgateway:9091' },
    reaches: [{ address: 'mlflow.example.com:5000' }, pushgateway],
  });
});

test('hands on image, limits, data, environment and secrets', () => {
  const { stack } = fakeStack();
  const token = Secret.generated(stack, 'token');
  const { job } = make({
    image: Image.fromRegistry('example.com/train:1'),
    resources: Resources.of({ memory: '8Gi' }),
    concurrency: 3,
    volumes: [Volume.existing('data', '/data', true)],
    environment: { SEED: '1' },
    secrets: { token },
  });
  expect(job.spec.image.resolve(job)).toBe('example.com/train:1');
  expect(job.spec.resources).toMatchObject({ cpuMillis: undefined, memoryBytes: 8 * 2 ** 30 });
  expect(job.concurrency).toBe(3);
  expect(job.spec.volumes![0]).toMatchObject({ name: 'data', mountPath: '/data', readOnly: true });
  expect(job.spec.environment).toMatchObject({ SEED: '1' });
  expect(Object.keys(job.spec.secrets!)).toEqual(['token', 'registry-password']);
});

test('an alert says when no run has succeeded for 30 days, unless told otherwise', () => {
  const expr = (props: Partial<TrainingRunnerProps>) =>
    make(props).runner.observability.alerts!.find(({ name }) => name === 'TrainingTooOld')!.expr;
  expect(expr({})).toMatch(/ > 30$/);
  expect(expr({ maxAgeDays: 7 })).toMatch(/ > 7$/);
});

test.each<[Partial<TrainingRunnerProps>, string]>([
  [{ concurrency: 0 }, `test/training/Resource: 'concurrency' is 0; want a whole number from 1 to 100`],
  [{ concurrency: 1.5 }, `test/training/Resource: 'concurrency' is 1.5`],
  [{ maxAgeDays: 0 }, `'maxAgeDays' is 0; want from 0.01 to 3650 days`],
  [{ environment: { MLFLOW_TRACKING_USERNAME: 'x' } }, `test/training: 'environment' is "MLFLOW_TRACKING_USERNAME"`],
])('refuses %j', (props, message) => {
  expect(() => make(props)).toThrow(message);
});

test('the name of the password is taken', () => {
  const { stack } = fakeStack();
  const secrets = { 'registry-password': Secret.generated(stack, 'x') };
  expect(() => make({ secrets })).toThrow(`test/training: 'secrets' is "registry-password"; choose another name`);
});
