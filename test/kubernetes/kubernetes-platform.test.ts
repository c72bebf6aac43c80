import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, TerraformStack, Testing } from 'cdktf';
import { Construct } from 'constructs';
import {
  ConfigFile,
  Gpu,
  HealthCheck,
  Image,
  Job,
  JobProps,
  KubernetesPlatform,
  KubernetesPlatformProps,
  LiveDirectory,
  Publish,
  PublishedFiles,
  Resources,
  Schedule,
  Secret,
  Task,
  UpdateStrategy,
  Volume,
  Workload,
  WorkloadProps,
} from '../../lib';
import { emittedBy, Emitted, KubernetesObject, podTemplateOf, SynthesisedStack } from './objects';
import { IN_CLUSTER, shipped } from './shipped';

const IMAGE = Image.fromRegistry('example.com/app:1.2.3');
const HEALTH = HealthCheck.http('/health', 8000, {
  intervalSeconds: 7,
  timeoutSeconds: 3,
  retries: 4,
  startSeconds: 91,
});
const PORTS = [{ name: 'http', port: 8000 }];

interface Setting {
  readonly platform?: Partial<KubernetesPlatformProps>;
  readonly context?: Record<string, unknown>;
}

function synth(build: (stack: TerraformStack, platform: KubernetesPlatform) => void, setting: Setting = {}): Emitted[] {
  const stack = new TerraformStack(new App({ context: setting.context }), 'test');
  build(stack, new KubernetesPlatform(stack, 'platform', { environment: 'staging', ...setting.platform }));
  return emittedBy(JSON.parse(Testing.synth(stack)) as SynthesisedStack);
}

const web = (props: Partial<WorkloadProps> = {}, setting: Setting = {}, id = 'web') =>
  synth((stack, platform) => {
    new Workload(stack, id, { platform, image: IMAGE, healthCheck: HEALTH, ...props });
  }, setting);
const objects = (emitted: readonly Emitted[], kind: string) =>
  emitted.map(({ object }) => object).filter((object) => object.kind === kind);
const one = (emitted: readonly Emitted[], kind: string): KubernetesObject => {
  const found = objects(emitted, kind);
  expect([kind, found.length]).toEqual([kind, 1]);
  return found[0];
};
const pod = (emitted: readonly Emitted[], kind = 'Deployment') => podTemplateOf(one(emitted, kind))!;
const container = (emitted: readonly Emitted[], kind = 'Deployment') => pod(emitted, kind).spec.containers[0];

describe('the namespace', () => {
  test('has the name of the environment, enforces the restricted standard and denies what is not declared', () => {
    const emitted = synth(() => undefined);
    expect(emitted.map(({ object }) => object.kind).sort()).toEqual(['LimitRange', 'Namespace', 'NetworkPolicy']);
    const { metadata } = one(emitted, 'Namespace');
    expect(metadata.name).toBe('staging');
    for (const mode of ['enforce', 'audit', 'warn']) {
      expect(metadata.labels![`pod-security.kubernetes.io/${mode}`]).toBe('restricted');
    }
    expect(one(emitted, 'NetworkPolicy').spec).toEqual({
      podSelector: {},
      policyTypes: ['Ingress', 'Egress'],
      egress: [{ ports: ['UDP', 'TCP'].map((protocol) => ({ port: 53, protocol })) }],
    });
    expect(one(emitted, 'LimitRange').spec).toEqual({
      limits: [
        {
          type: 'Container',
          default: { cpu: '500m', memory: '256Mi' },
          defaultRequest: { cpu: '50m', memory: '128Mi' },
        },
      ],
    });
  });

  test('is left to the other stack where it is joined', () => {
    const emitted = web({}, { platform: { joinNamespace: true } });
    expect(objects(emitted, 'Namespace')).toEqual([]);
    expect(objects(emitted, 'LimitRange')).toEqual([]);
    expect(one(emitted, 'Deployment').metadata.namespace).toBe('staging');
  });

  test('has a quota where one is given', () => {
    const quota = { cpu: '16', memory: '32Gi', storage: '500Gi', pods: 40 };
    expect(one(web({}, { platform: { quota } }), 'ResourceQuota').spec).toEqual({
      hard: { 'limits.cpu': '16', 'limits.memory': '32Gi', 'requests.storage': '500Gi', pods: '40' },
    });
  });

  test('of exporters is another one, made only for them, and says why it is privileged', () => {
    const exporter = { perNode: true, volumes: [Volume.host('/proc', '/host/proc')], user: '65534:65534' };
    const emitted = web(exporter);
    const node = objects(emitted, 'Namespace').find(({ metadata }) => metadata.name === 'staging-node')!;
    expect(node.metadata.labels!['pod-security.kubernetes.io/enforce']).toBe('privileged');
    expect(Object.values(node.metadata.annotations!).join()).toMatch(/exporters/i);
    expect(one(emitted, 'DaemonSet').metadata.namespace).toBe('staging-node');
    expect(objects(emitted, 'NetworkPolicy').map(({ metadata }) => metadata.namespace)).toContain('staging-node');
    expect(pod(emitted, 'DaemonSet').spec.tolerations).toEqual([{ operator: 'Exists' }]);
  });
});

describe('a workload', () => {
  test('has the three probes of its one health check', () => {
    const httpGet = {
      path: '/health',
      port: 8000,
      scheme: 'HTTP',
      httpHeaders: [{ name: 'Host', value: '127.0.0.1:8000' }],
    };
    const common = { httpGet, timeoutSeconds: 3, successThreshold: 1 };
    expect(container(web())).toMatchObject({
      startupProbe: { ...common, periodSeconds: 2, failureThreshold: 46 },
      readinessProbe: { ...common, periodSeconds: 7, failureThreshold: 4 },
      livenessProbe: { ...common, periodSeconds: 7, failureThreshold: 9 },
    });
    expect(container(web({ healthCheck: HealthCheck.command(['check', '${x}']) })).readinessProbe).toMatchObject({
      exec: { command: ['check', '${x}'] },
    });
    const none = web({ healthCheck: HealthCheck.none('a test') });
    expect(container(none)).not.toHaveProperty('startupProbe');
    expect(none.find(({ object }) => object.kind === 'Deployment')!.given.wait_for_rollout).toBe(false);
  });

  test('waits for its rollout as long as its health check allows, and what pulling and stopping take', () => {
    const { given } = web({ stopSeconds: 11 }).find(({ object }) => object.kind === 'Deployment')!;
    expect(given).toMatchObject({ wait_for_rollout: true, timeouts: { create: '402s', update: '402s' } });
  });

  test('rolls without a gap, and goes only when services know', () => {
    const emitted = web({ ports: PORTS, stopSeconds: 20 });
    expect(one(emitted, 'Deployment').spec).toMatchObject({
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    });
    expect(container(emitted).lifecycle).toEqual({ preStop: { exec: { command: ['sleep', '5'] } } });
    expect(pod(emitted).spec.terminationGracePeriodSeconds).toBe(25);
    expect(one(web({ update: UpdateStrategy.REPLACE }), 'Deployment').spec).toMatchObject({
      strategy: { type: 'Recreate' },
    });
  });

  test('with a persistent volume is one pod of a StatefulSet with a claim of its own', () => {
    const volumes = [Volume.persistent('data', '/data', { size: '20Gi' })];
    const emitted = web({ volumes, ports: PORTS }, { platform: { storageClass: 'fast' } });
    expect(one(emitted, 'StatefulSet').spec).toMatchObject({ replicas: 1, serviceName: 'staging-web' });
    expect(one(emitted, 'PersistentVolumeClaim')).toMatchObject({
      metadata: { name: 'staging-web-data' },
      spec: {
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'fast',
        resources: { requests: { storage: '20Gi' } },
      },
    });
    expect(emitted.find(({ object }) => object.kind === 'PersistentVolumeClaim')!.given.wait_until_bound).toBe(false);
    expect(one(web({ volumes }), 'PersistentVolumeClaim').spec).not.toHaveProperty('storageClassName');
  });

  test('keeps a protected volume until the protection is lifted', () => {
    const volumes = [Volume.persistent('data', '/data', { protect: true })];
    const lifecycle = (context?: Record<string, unknown>) =>
      web({ volumes }, { context }).find(({ object }) => object.kind === 'PersistentVolumeClaim')!.given.lifecycle;
    expect(lifecycle()).toEqual({ prevent_destroy: true });
    expect(lifecycle({ 'cdktf-mlops:unprotected': ['production'] })).toEqual({ prevent_destroy: true });
    expect(lifecycle({ 'cdktf-mlops:unprotected': ['staging'] })).toBeUndefined();
  });

  test('with two replicas or more has a disruption budget and stands on several machines and zones', () => {
    const two = web({ replicas: 2 });
    const matchLabels = { 'app.kubernetes.io/instance': 'staging-web' };
    expect(one(two, 'PodDisruptionBudget').spec).toEqual({ maxUnavailable: 1, selector: { matchLabels } });
    expect(pod(two).spec.topologySpreadConstraints).toEqual(
      ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].map((topologyKey) => ({
        maxSkew: 1,
        topologyKey,
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels },
      })),
    );
    expect(objects(web(), 'PodDisruptionBudget')).toEqual([]);
    expect(pod(web()).spec).not.toHaveProperty('topologySpreadConstraints');
  });

  test('scales by what its processors do, and leaves the number of replicas to that', () => {
    const emitted = web({
      autoscaling: { minReplicas: 2, maxReplicas: 5, cpuPercent: 60 },
      resources: Resources.of({ cpu: '2', memory: '1Gi' }),
    });
    expect(one(emitted, 'HorizontalPodAutoscaler').spec).toEqual({
      minReplicas: 2,
      maxReplicas: 5,
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'staging-web' },
      metrics: [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'AverageValue', averageValue: '1200m' } } },
      ],
    });
    expect(one(emitted, 'Deployment').spec).not.toHaveProperty('replicas');
    one(emitted, 'PodDisruptionBudget');
  });

  test('is promised its memory and a tenth of its processor time', () => {
    expect(container(web({ resources: Resources.of({ cpu: '500m', memory: '512Mi' }) })).resources).toEqual({
      limits: { cpu: '500m', memory: '512Mi' },
      requests: { cpu: '50m', memory: '512Mi' },
    });
  });

  test('gets graphics processors, and goes where they are', () => {
    const emitted = web({ resources: Resources.of({ gpu: Gpu.count(2) }) });
    expect(container(emitted).resources!.limits).toMatchObject({ 'nvidia.com/gpu': '2' });
    expect(pod(emitted).spec.tolerations).toEqual([
      { key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' },
    ]);
  });

  test('has an identity only where it discovers, with a token in a place of its own', () => {
    expect(objects(web(), 'ServiceAccount')).toEqual([]);
    expect(pod(web()).spec).not.toHaveProperty('serviceAccountName');
    const emitted = web({ discovers: true });
    expect(one(emitted, 'ServiceAccount')).toMatchObject({ automountServiceAccountToken: false });
    expect(pod(emitted).spec).toMatchObject({ serviceAccountName: 'staging-web', automountServiceAccountToken: false });
    expect(container(emitted).volumeMounts).toContainEqual(expect.objectContaining({ mountPath: '/run/kubernetes' }));
    const rules = [...objects(emitted, 'Role'), ...objects(emitted, 'ClusterRole')].flatMap(
      ({ rules: each }) => each as { verbs: string[] }[],
    );
    expect(rules.length).toBeGreaterThan(0);
    for (const { verbs } of rules) for (const verb of verbs) expect(['get', 'list', 'watch']).toContain(verb);
  });

  test('reads files where they are asked for, and rolls when one changes', () => {
    const emitted = web({ files: [ConfigFile.text('/etc/app/run.sh', 'one', { executable: true })] });
    expect(one(emitted, 'ConfigMap').data).toEqual({ 'etc..app..run.sh': 'one' });
    expect(container(emitted).volumeMounts).toEqual([
      { name: 'files', mountPath: '/etc/app/run.sh', subPath: 'etc..app..run.sh', readOnly: true },
    ]);
    // A digest of what the ConfigMap holds.
    const { given } = emitted.find(({ object }) => object.kind === 'Deployment')!;
    expect(JSON.stringify(given)).toMatch(
      /"cdktf-mlops\.files":"\$\{sha256\(jsonencode\(kubernetes_config_map_v1\.[\w-]+\.data\)\)\}"/,
    );
  });

  test('reads secrets with its group only, and rolls when one changes', () => {
    const stack = new TerraformStack(new App(), 'test');
    const platform = new KubernetesPlatform(stack, 'platform', { environment: 'staging' });
    const secrets = { password: Secret.generated(stack, 'password') };
    new Workload(stack, 'web', { platform, image: IMAGE, healthCheck: HEALTH, secrets, user: '1000:2000' });
    const emitted = emittedBy(JSON.parse(Testing.synth(stack)) as SynthesisedStack);
    expect(pod(emitted).spec).toMatchObject({
      securityContext: { fsGroup: 2000, runAsUser: 1000, runAsGroup: 2000 },
      volumes: [{ name: 'secrets', secret: { secretName: 'staging-web', defaultMode: 0o440 } }],
    });
    const { given } = emitted.find(({ object }) => object.kind === 'Deployment')!;
    expect(JSON.stringify(given)).toMatch(/"cdktf-mlops\.secrets":"\$\{terraform_data\.[\w-]+\.id\}"/);
    expect(JSON.stringify(given)).not.toContain('random_password');
  });

  test('takes each image as it was pushed, and the secrets to pull it', () => {
    const setting = {
      context: { 'cdktf-mlops:pushedImages': { 'example.com/app:1.2.3': 'registry.example.com/app@sha256:1' } },
      platform: { imagePullSecrets: ['pull'] },
    };
    expect(container(web({}, setting)).image).toBe('registry.example.com/app@sha256:1');
    expect(pod(web({}, setting)).spec.imagePullSecrets).toEqual([{ name: 'pull' }]);
    expect(container(web()).image).toBe('example.com/app:1.2.3');
  });

  test('is labelled by the convention', () => {
    const emitted = synth((stack, platform) => {
      const props = { platform, image: IMAGE, healthCheck: HEALTH, ports: PORTS };
      new Workload(new Construct(stack, 'monitoring'), 'prometheus', props);
    });
    const labels = {
      'app.kubernetes.io/name': 'prometheus',
      'app.kubernetes.io/instance': 'staging-monitoring-prometheus',
      'app.kubernetes.io/component': 'monitoring.prometheus',
      'app.kubernetes.io/part-of': 'staging',
      'app.kubernetes.io/managed-by': 'cdktf-mlops',
      'cdktf-mlops.environment': 'staging',
      'cdktf-mlops.component': 'monitoring.prometheus',
      'cdktf-mlops.kind': 'workload',
      'cdktf-mlops.stack': 'test',
    };
    expect(one(emitted, 'Deployment').metadata.labels).toEqual(labels);
    expect(one(emitted, 'Service').metadata.labels).toEqual(labels);
    expect(pod(emitted).metadata.labels).toEqual(labels);
    expect(container(emitted).name).toBe('monitoring-prometheus');
  });

  test('has names that fit, however long its path is', () => {
    const id = 'long-'.repeat(20) + 'end';
    const volumes = [Volume.persistent('data', '/data')];
    const emitted = synth((stack, platform) => {
      const common = { platform, image: IMAGE };
      const reader = new Workload(stack, id, { ...common, healthCheck: HEALTH, ports: PORTS, volumes });
      new Task(stack, `${id}-task`, { ...common, script: 'true', reaches: [reader.endpoint('http')] });
      new Job(stack, `${id}-job`, common);
    });
    for (const { object } of emitted) {
      expect(object.metadata.name!.length).toBeLessThanOrEqual(object.kind === 'CronJob' ? 52 : 63);
      for (const value of Object.values(object.metadata.labels ?? {})) expect(value.length).toBeLessThanOrEqual(63);
      const name = podTemplateOf(object)?.spec.containers[0].name ?? '';
      expect([object.kind, name.length <= 63]).toEqual([object.kind, true]);
    }
  });
});

describe('what is published', () => {
  test('on loopback is a note on the service for who forwards it', () => {
    const ports = [
      { name: 'http', port: 8000, publish: Publish.onLoopback(18000) },
      { name: 'metrics', port: 8001 },
    ];
    const service = one(web({ ports }), 'Service');
    expect(service.metadata.annotations).toEqual({ 'cdktf-mlops.forward': 'http=127.0.0.1:18000' });
    expect(service.spec).toEqual({
      selector: { 'app.kubernetes.io/instance': 'staging-web' },
      ports: [
        { name: 'http', port: 8000, targetPort: 8000, protocol: 'TCP' },
        { name: 'metrics', port: 8001, targetPort: 8001, protocol: 'TCP' },
      ],
    });
  });

  test('on every address is a load balancer', () => {
    const ports = [{ name: 'http', port: 8000, publish: Publish.onAddress('0.0.0.0', 80) }];
    expect(objects(web({ ports }), 'Service').map(({ spec }) => spec)).toContainEqual({
      type: 'LoadBalancer',
      selector: { 'app.kubernetes.io/instance': 'staging-web' },
      ports: [{ name: 'http', port: 80, targetPort: 8000, protocol: 'TCP' }],
    });
  });

  test('at a host name is an ingress', () => {
    const publish = Publish.atHost('models.example.com', { path: '/v2', tlsSecretName: 'tls', className: 'nginx' });
    const emitted = web({ ports: [{ name: 'http', port: 8000, publish }] });
    expect(one(emitted, 'Ingress').spec).toEqual({
      ingressClassName: 'nginx',
      tls: [{ hosts: ['models.example.com'], secretName: 'tls' }],
      rules: [
        {
          host: 'models.example.com',
          http: {
            paths: [
              {
                path: '/v2',
                pathType: 'Prefix',
                backend: { service: { name: 'staging-web', port: { number: 8000 } } },
              },
            ],
          },
        },
      ],
    });
  });
});

describe('what ends', () => {
  test('a task is a Job that is waited for', () => {
    const emitted = synth((stack, platform) => {
      new Task(stack, 'task', { platform, image: IMAGE, script: 'prepare', timeoutSeconds: 60 });
    });
    const { object, given } = emitted.find((each) => each.object.kind === 'Job')!;
    expect(given).toMatchObject({ wait_for_completion: true, timeouts: { create: '360s', update: '360s' } });
    expect(podTemplateOf(object)!.spec).toMatchObject({ restartPolicy: 'Never' });
    const [shell, option, , ...script] = podTemplateOf(object)!.spec.containers[0].command!;
    expect([shell, option, ...script]).toEqual(['sh', '-c', 'task', 'prepare']);
  });

  const job = (props: Partial<JobProps>) =>
    one(
      synth((stack, platform) => new Job(stack, 'job', { platform, image: IMAGE, ...props })),
      'CronJob',
    );
  test('a job is a CronJob, suspended where it has no schedule', () => {
    expect(job({})).toMatchObject({ spec: { suspend: true } });
    expect(job({ concurrency: 3 }).metadata.labels).toMatchObject({ 'cdktf-mlops.concurrency': '3' });
    expect(job({ schedule: Schedule.daily(2, 30) })).toMatchObject({
      spec: { suspend: false, schedule: '30 2 * * *', timeZone: 'Etc/UTC', concurrencyPolicy: 'Forbid' },
    });
  });

  test('a publication is a ConfigMap, and a Job that asks every reader', () => {
    const emitted = synth((stack, platform) => {
      const directory = LiveDirectory.fromName(stack, 'live', platform, 'release');
      const url = `http://${platform.hostOf('gateway')}:8080/-/release`;
      const confirm = [{ file: 'a.cfg', url, text: '"abc"' }];
      new PublishedFiles(stack, 'files', { platform, directory, files: { 'a.cfg': 'x' }, confirm, timeoutSeconds: 20 });
    });
    expect(one(emitted, 'ConfigMap')).toMatchObject({ metadata: { name: 'staging-release' }, data: { 'a.cfg': 'x' } });
    const asks = pod(emitted, 'Job').spec.containers[0].command!.join('\n');
    expect(asks).toContain('staging-gateway-pods.staging.svc.cluster.local');
    expect(asks).toContain('"abc"');
    expect(emitted.find(({ object }) => object.kind === 'Job')!.given).toMatchObject({ wait_for_completion: true });
  });
});

describe.each(IN_CLUSTER.map((stage) => [stage.name, stage] as const))('every pod of %s', (_name, stage) => {
  let all: Emitted[];
  beforeAll(() => {
    all = shipped(stage).flatMap(({ synthesised }) => emittedBy(synthesised));
  });

  test('keeps to the restricted standard, and gets no token that it does not use', () => {
    let seen = 0;
    for (const { object } of all) {
      const template = podTemplateOf(object);
      if (template === undefined) continue;
      seen++;
      const { spec } = template;
      const where = `${object.kind} ${object.metadata.name ?? object.metadata.generateName}`;
      expect({ where, ...spec }).toMatchObject({
        where,
        automountServiceAccountToken: false,
        enableServiceLinks: false,
      });
      expect({ where, ...(spec.securityContext as object) }).toMatchObject({
        where,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect({ where, ...(spec.containers[0].securityContext as object) }).toMatchObject({
        where,
        allowPrivilegeEscalation: false,
        privileged: false,
        capabilities: { drop: ['ALL'] },
      });
      if (object.metadata.namespace!.endsWith('-node')) continue;
      expect({ where, ...(spec.containers[0].securityContext as object) }).toMatchObject({ where, runAsNonRoot: true });
      for (const key of ['hostPID', 'hostIPC', 'hostNetwork']) expect(spec[key] ?? false).toBe(false);
      for (const volume of spec.volumes ?? []) expect(volume).not.toHaveProperty('hostPath');
    }
    expect(seen).toBeGreaterThan(18);
  });

  test('of services is limited in memory', () => {
    for (const { object } of all) {
      if (!['Deployment', 'StatefulSet', 'DaemonSet'].includes(object.kind)) continue;
      const { limits } = podTemplateOf(object)!.spec.containers[0].resources ?? {};
      expect([object.metadata.name ?? object.metadata.generateName, limits?.memory]).toEqual([
        expect.anything(),
        expect.stringMatching(/^\d+[MG]i$/),
      ]);
    }
  });
});

describe('what a cluster cannot do is refused', () => {
  const persistent = [Volume.persistent('data', '/data')];
  test.each<[string, Partial<WorkloadProps>, string]>([
    [
      'replicas of one volume',
      { replicas: 2, volumes: persistent },
      "test/web: 'replicas' is 2; its volume 'data' can be mounted by one pod only: use 1, or keep its data elsewhere",
    ],
    [
      'a path of a machine',
      { volumes: [Volume.host('/srv', '/srv')] },
      'test/web: \'volumes\' is "/srv"; a cluster has many machines, and their paths belong to them: use Volume.persistent, or perNode for an exporter',
    ],
    [
      "a machine's processes from one pod",
      { hostProcesses: true },
      "test/web: 'hostProcesses' is true; set perNode too: what watches a machine belongs on each of them",
    ],
    [
      'scaling without a processor limit',
      { autoscaling: { minReplicas: 1, maxReplicas: 2 } },
      "test/web: 'resources.cpu' is missing; name a processor limit: automatic scaling aims at a share of it",
    ],
    [
      'scaling limits the wrong way round',
      { autoscaling: { minReplicas: 3, maxReplicas: 2 }, resources: Resources.of({ cpu: '1' }) },
      "test/web: 'autoscaling.maxReplicas' is 2; want a whole number from 3 to 1000",
    ],
    [
      'all graphics processors',
      { resources: Resources.of({ gpu: Gpu.all() }) },
      'test/web: \'resources.gpu\' is "all"; a cluster has many machines: use Gpu.count(n)',
    ],
    [
      'an address of its own',
      { ports: [{ name: 'http', port: 80, publish: Publish.onAddress('192.0.2.1', 80) }] },
      "test/web: 'ports.http.publish' is \"192.0.2.1\"; a cluster chooses its own addresses: use Publish.onLoopback, Publish.onAddress('0.0.0.0', port) or Publish.atHost",
    ],
    [
      'root',
      { user: '0:0' },
      "test/web: 'user' is \"0:0\"; the environment's namespace enforces the Pod Security standard 'restricted': name a user other than root",
    ],
    [
      'a capability',
      { capabilities: ['CAP_NET_ADMIN'] },
      "test/web: 'capabilities' is \"CAP_NET_ADMIN\"; the Pod Security standard 'restricted' lets CAP_NET_BIND_SERVICE be kept and no other",
    ],
  ])('%s', (_what, props, message) => {
    expect(() => web(props)).toThrow(new Error(message));
  });

  test.each<[string, Partial<KubernetesPlatformProps>, string]>([
    ['a long environment', { environment: 'e'.repeat(31) }, 'use at most 30 characters'],
    ['a malformed storage class', { storageClass: 'Fast!' }, 'test/platform: \'storageClass\' is "Fast!"'],
    ['a malformed pull secret', { imagePullSecrets: ['a b'] }, 'test/platform: \'imagePullSecrets\' is "a b"'],
    ['a malformed quantity', { quota: { memory: '5 gigs' } }, 'test/platform: \'quota.memory\' is "5 gigs"'],
    ['an empty quota', { quota: {} }, 'give cpu, memory, storage or pods, or leave it out'],
    ['a quota where it joins', { joinNamespace: true, quota: { pods: 3 } }, 'give it to the platform that makes'],
  ])('%s', (_what, platform, message) => {
    expect(() => web({}, { platform })).toThrow(message);
  });
});

describe('what a failure may leave', () => {
  /** Runs the command of a task's pod with a `sleep` that does not wait. */
  function run(script: string) {
    const directory = mkdtempSync(join(tmpdir(), 'task-'));
    try {
      writeFileSync(join(directory, 'sleep'), '#!/bin/sh\n');
      chmodSync(join(directory, 'sleep'), 0o755);
      const emitted = synth((stack, platform) => void new Task(stack, 'task', { platform, image: IMAGE, script }));
      const command = (container(emitted, 'Job').command as string[]).map((word) => word.replace(/\$\$/g, '$'));
      const env = { PATH: `${directory}:${process.env.PATH}` };
      const { status } = spawnSync(command[0], command.slice(1), { cwd: directory, env });
      return { status, attempts: readFileSync(join(directory, 'attempts'), 'utf8').length };
    } finally {
      rmSync(directory, { recursive: true });
    }
  }

  test('a task is tried again until it succeeds, six times at most, and stops at its first failing line', () => {
    expect(run('printf x >>attempts\n[ "$(wc -c <attempts)" -ge 3 ]\n')).toEqual({ status: 0, attempts: 3 });
    expect(run('printf x >>attempts\nfalse\nprintf y >>attempts\n')).toEqual({ status: 1, attempts: 6 });
  });

  test('what is created first has a name of its own each time, and the others keep theirs', () => {
    const emitted = web({ update: UpdateStrategy.CREATE_FIRST, ports: PORTS });
    expect(one(emitted, 'Deployment').metadata).toMatchObject({ generateName: 'staging-web-' });
    expect(one(emitted, 'Deployment').metadata.name).toBeUndefined();
    expect(one(emitted, 'Service').metadata.name).toBe('staging-web');
    expect(one(web(), 'Deployment').metadata.name).toBe('staging-web');
  });
});
