import { Endpoint, Image, Publish, Resources, Secret, SecretBundle, UpdateStrategy } from '../../lib/core';
import { ModelServer, ModelServerProps } from '../../lib/serving/model-server';
import { fakeStack } from '../support/fake-platform';

function make(props: Partial<ModelServerProps> = {}) {
  const { stack, platform } = fakeStack();
  const server = new ModelServer(stack, 'server', {
    platform,
    modelUri: 'models:/cancer/3',
    trackingEndpoint: Endpoint.fromUrl('http://mlflow:5000'),
    username: 'serving',
    ...('credentials' in props || 'password' in props
      ? {}
      : { credentials: SecretBundle.fromName(stack, 'credentials', platform, 'model-credentials') }),
    ...props,
  });
  return { server, workload: platform.workload('server') };
}

test('serves one version from the image that training runs in', () => {
  const { server, workload } = make();
  expect(workload.spec.image.resolve(workload)).toBe('cdktf-mlops/model-runtime:3.17.2-1');
  expect(workload.spec.entrypoint).toEqual(['mlops-serve']);
  expect(workload.spec.environment).toEqual({
    MLOPS_MODEL_NAME: 'cancer',
    MLOPS_MODEL_URI: 'models:/cancer/3',
    MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD: 'false',
    MLFLOW_TRACKING_URI: 'http://mlflow:5000',
    MLFLOW_TRACKING_USERNAME: 'serving',
    MLFLOW_TRACKING_PASSWORD_FILE: '/run/secrets/registry-password',
  });
  expect(server.modelName).toBe('cancer');
  expect(server.endpoint).toMatchObject({ url: 'http://test-server:8080', publishedUrl: undefined });
});

test('is healthy once the model is loaded', () => {
  expect(make().workload.props.healthCheck).toMatchObject({
    path: '/v2/models/cancer/ready',
    port: 8080,
    startSeconds: 300,
  });
  expect(make({ modelName: 'tumour' }).workload.props.healthCheck.path).toBe('/v2/models/tumour/ready');
});

test('has the documented defaults', () => {
  const { workload } = make();
  expect(workload).toMatchObject({ replicas: 1, update: UpdateStrategy.REPLACE, stopSeconds: 30 });
  expect(workload.spec.resources).toMatchObject({ cpuMillis: 1000, memoryBytes: 2 ** 30 });
  expect(workload.spec.user).toBe('1000:1000');
  expect(workload.props.ports).toEqual([
    { name: 'http', port: 8080, publish: undefined },
    { name: 'metrics', port: 8082 },
  ]);
});

test('hands on what it is given', () => {
  const { server, workload } = make({
    image: Image.fromRegistry('example.com/serve:1'),
    replicas: 3,
    resources: Resources.of({ cpu: '250m' }),
    publish: Publish.onLoopback(18080),
    environment: { OMP_NUM_THREADS: '2' },
    update: UpdateStrategy.CREATE_FIRST,
    stopSeconds: 5,
  });
  expect(workload).toMatchObject({ replicas: 3, update: UpdateStrategy.CREATE_FIRST, stopSeconds: 5 });
  expect(workload.spec.resources).toMatchObject({ cpuMillis: 250 });
  expect(workload.spec.environment).toMatchObject({ OMP_NUM_THREADS: '2', MLOPS_MODEL_NAME: 'cancer' });
  expect(server.endpoint.publishedUrl).toBe('http://127.0.0.1:18080');
});

test('its password is a file, prepared here or by another stack', () => {
  const { stack } = fakeStack();
  const password = Secret.generated(stack, 'password');
  expect(make({ password }).workload.spec).toMatchObject({
    secrets: { 'registry-password': password },
    secretBundle: undefined,
  });
  expect(make().workload.spec.secretBundle!.physicalName).toBe('test-model-credentials');
  expect(() => make({ password: undefined })).toThrow(
    `test/server: 'password' is "(not shown)"; give either password or credentials`,
  );
});

test('takes an alias only from who asks for it', () => {
  const modelUri = 'models:/cancer@champion';
  expect(() => make({ modelUri })).toThrow(/'modelUri' is "models:\/cancer@champion"; name a version/);
  expect(make({ modelUri, allowAlias: true }).server.modelName).toBe('cancer');
});

test.each(['cancer', 'models:/cancer', 'models:/Cancer/1', 'models:/cancer/0', 'models:/cancer/1.5', 'runs:/x/model'])(
  'refuses the model URI %s',
  (modelUri) => {
    expect(() => make({ modelUri })).toThrow(
      `test/server: 'modelUri' is "${modelUri}"; write 'models:/<name>/<version>', for example 'models:/cancer/3'`,
    );
  },
);

test('refuses a name that can stand in no path', () => {
  expect(() => make({ modelName: 'My Model' })).toThrow(/test\/server: 'modelName' is "My Model"/);
});
