import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, EXIT } from '../../lib/cli/command-error';
import { deployStack } from '../../lib/cli/deploy';
import { checkNothingRemains, destroyStack } from '../../lib/cli/destroy';
import { environmentStatus } from '../../lib/cli/components';
import { Platform } from '../../lib/cli/platform';
import { Progress } from '../../lib/cli/progress';
import { Project } from '../../lib/cli/project';
import { Session } from '../../lib/cli/session';
import { StackFile } from '../../lib/cli/stack-file';
import { statusTable } from '../../lib/cli/start';
import { Answer, FakePrograms, Lines } from './fake-programs';
import {
  IMAGE,
  kubeconfigOf,
  kubernetesProject,
  list,
  object,
  productionStack,
  productionState,
} from './kubernetes-fixture';

const VIEW: Answer = {
  match: /^config view/,
  stdout: JSON.stringify({ 'current-context': 'dev', contexts: [{ name: 'dev' }, { name: 'prod' }] }),
};
const VERSION: Answer = { match: /version --output=json/, stdout: '{"serverVersion": {"gitVersion": "v1.34.2"}}' };
const INIT: Answer = { match: /^init /, script: '/bin/mkdir -p .terraform' };
const STATE: Answer = { match: /^state pull/, stdout: productionState() };
const ADDRESS = 'kubernetes_deployment_v1.registry';
const events = (...lines: object[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('');
const PLAN: Answer = {
  match: /^plan /,
  code: 2,
  stdout: events({ type: 'planned_change', change: { action: 'update', resource: { addr: ADDRESS } } }),
};
const DEPLOYMENT = object('Deployment', 'production-registry', {
  spec: { replicas: 2, selector: { matchLabels: { app: 'registry' } } },
  status: { readyReplicas: 1, updatedReplicas: 2 },
});
const READY = { ...DEPLOYMENT, status: { readyReplicas: 2, updatedReplicas: 2 } };
const CLAIM = object('PersistentVolumeClaim', 'production-registry-data', {
  spec: { resources: { requests: { storage: '10Gi' } } },
  status: { phase: 'Bound', capacity: { storage: '10Gi' } },
});
const NAMESPACE = object('Namespace', 'production', { metadata: { namespace: undefined } });
const OWNED: Answer[] = [
  { match: /get namespaces/, stdout: list(NAMESPACE) },
  { match: /get deployments\.apps,persistentvolumeclaims --namespace production/, stdout: list(READY, CLAIM) },
];

let fakes: FakePrograms;
let lines: Lines;
let project: Project;
let session: Session;
const saved = { ...process.env };

beforeEach(() => {
  fakes = new FakePrograms();
  use(kubernetesProject());
});

afterEach(() => {
  fakes.restore();
  process.env = { ...saved };
});

function use(made: Project): void {
  project = made;
  lines = new Lines();
  session = new Session(project, new Progress(lines), undefined);
}

const stack = (): StackFile => StackFile.get(project, 'production');
const platform = (): Platform => session.platformOf(stack());

async function failure(work: Promise<unknown>): Promise<CommandError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CommandError);
  return error as CommandError;
}

describe('the cluster of a stack', () => {
  test('is what its provider block names, for kubectl and for Terraform', async () => {
    fakes.add('kubectl', [
      { ...VIEW, script: `[[ $KUBECONFIG == ${kubeconfigOf(project)} ]] || { code=9 stdout=$KUBECONFIG; }` },
      { match: /^--context prod version/, stdout: VERSION.stdout },
    ]);
    await expect(platform().prepare([], () => undefined)).resolves.toBe(
      'Kubernetes v1.34.2 (context prod), 0 rights there',
    );
    expect(platform().terraformEnv).toEqual({ KUBE_CONFIG_PATH: kubeconfigOf(project), KUBE_CTX: 'prod' });
  });

  test.each([
    [
      { KUBE_CONFIG_PATH: '/a/config', KUBECONFIG: '/b/config', KUBE_CTX: 'x' },
      { KUBE_CONFIG_PATH: '/a/config', KUBE_CTX: 'x' },
    ],
    [{ KUBECONFIG: '/b/config' }, { KUBE_CONFIG_PATH: '/b/config' }],
    [{ KUBECONFIG: '/b/config:/c/config' }, { KUBE_CONFIG_PATHS: '/b/config:/c/config' }],
  ])('is else what the environment says: %j', (env, wanted) => {
    use(kubernetesProject({ ...productionStack(), provider: { kubernetes: [{}] } }));
    for (const name of ['KUBE_CONFIG_PATH', 'KUBECONFIG', 'KUBE_CTX']) delete process.env[name];
    Object.assign(process.env, env);
    expect(platform().terraformEnv).toEqual(wanted);
  });

  test('one platform serves all stacks of the same cluster; Docker is another', () => {
    expect(session.platformOf(stack())).toBe(session.platformOf(stack()));
    expect(platform().place).toBe('this cluster');
  });
});

describe('before anything is changed', () => {
  test('kubectl is missing', async () => {
    const error = await failure(platform().ping());
    expect(error.message).toBe('kubectl is not installed, or not on the PATH');
    expect(error.exitCode).toBe(EXIT.MACHINE);
  });

  test('the kubeconfig does not exist', async () => {
    fakes.add('kubectl', [VIEW]);
    rmSync(kubeconfigOf(project));
    expect((await failure(platform().ping())).message).toBe(`the kubeconfig ${kubeconfigOf(project)} does not exist`);
  });

  test('the context does not exist: those that there are are named', async () => {
    fakes.add('kubectl', [{ ...VIEW, stdout: JSON.stringify({ contexts: [{ name: 'dev' }, { name: 'test' }] }) }]);
    const error = await failure(platform().ping());
    expect(error.message).toBe(`the kubeconfig ${kubeconfigOf(project)} has no context 'prod'`);
    expect(error.remedy).toContain('dev, test');
  });

  test.each([
    ['Unable to connect to the server: dial tcp 10.0.0.1:6443: i/o timeout', 'does not answer'],
    ['error: You must be logged in to the server (Unauthorized)', 'does not take the credentials'],
  ])('the API server: %s', async (stderr, message) => {
    fakes.add('kubectl', [VIEW, { ...VERSION, stdout: '', stderr, code: 1 }]);
    const error = await failure(platform().ping());
    expect(error.message).toContain(message);
    expect(error.log).toEqual([`kubeconfig ${kubeconfigOf(project)}, context prod`, stderr]);
    expect(error.exitCode).toBe(EXIT.MACHINE);
  });

  const allow = (refused: RegExp): Answer => ({
    match: /create --filename=-/,
    // One answer for each line that is asked.
    script: `stdout=''; while read -r line || [[ -n $line ]]; do if [[ $line =~ ${refused.source} ]]; then a=false; else a=true; fi; stdout+="{\\"kind\\":\\"SelfSubjectAccessReview\\",\\"status\\":{\\"allowed\\":$a}}"$'\\n'; done`,
  });
  const CLASSES: Answer = {
    match: /get storageclasses/,
    stdout: list(
      object('StorageClass', 'fast', {
        metadata: { annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
      }),
    ),
  };

  test('rights that are missing are named', async () => {
    fakes.add('kubectl', [VIEW, VERSION, allow(/"delete".*"deployments"/)]);
    const error = await failure(platform().prepare([stack()], () => undefined));
    expect(error.message).toBe('this user lacks rights that a deploy needs');
    expect(error.log).toEqual(['delete deployments.apps in the namespace production']);
    expect(error.remedy).toContain("context 'prod'");
  });

  test('with all rights and a default class nothing is said', async () => {
    fakes.add('kubectl', [VIEW, VERSION, allow(/nothing/), CLASSES]);
    await expect(platform().prepare([stack()], () => undefined)).resolves.toContain('18 rights there');
    await platform().checkDemands([stack()]);
  });

  test('a storage class that does not exist is named, with those that there are', async () => {
    use(kubernetesProject(productionStack(IMAGE, 'slow')));
    fakes.add('kubectl', [allow(/nothing/), CLASSES]);
    const error = await failure(platform().checkDemands([stack()]));
    expect(error.log).toEqual(["production-registry-data: there is no 'slow'"]);
    expect(error.remedy).toContain('fast');
  });

  test('no default class where a claim names none', async () => {
    fakes.add('kubectl', [allow(/nothing/), { ...CLASSES, stdout: list(object('StorageClass', 'fast')) }]);
    expect((await failure(platform().checkDemands([stack()]))).log).toEqual([
      'production-registry-data: it names none, and none is the default',
    ]);
  });

  test('who may not look at classes is not kept from deploying', async () => {
    const stderr = 'Error from server (Forbidden): storageclasses.storage.k8s.io is forbidden';
    fakes.add('kubectl', [allow(/nothing/), { ...CLASSES, stdout: '', stderr, code: 1 }]);
    await platform().checkDemands([stack()]);
  });

  test('an image of ours that was not pushed is named, with how it is pushed', async () => {
    await platform().ensureImages([stack()]);
    use(kubernetesProject(productionStack('cdktf-mlops/mlflow:3.17.2-1')));
    await expect((async () => platform().ensureImages([stack()]))()).rejects.toMatchObject({
      log: ['cdktf-mlops/mlflow:3.17.2-1'],
      remedy: expect.stringContaining('cdktf-mlops images --push REGISTRY') as string,
    });
  });
});

describe('a deploy that fails', () => {
  const pod = (status: object, more: object = {}): object =>
    object('Pod', 'production-registry-abc', {
      metadata: { ownerReferences: [{ uid: 'uid-rs' }] },
      status: { phase: 'Running', ...status },
      ...more,
    });
  const set = object('ReplicaSet', 'rs', {
    metadata: { uid: 'uid-rs', ownerReferences: [{ uid: 'uid-production-registry' }] },
  });
  const waiting = (reason: string, message = '', more: object = {}): object => ({
    containerStatuses: [{ name: 'registry', ready: false, state: { waiting: { reason, message } }, ...more }],
  });
  const event = (uid: string, reason: string, message: string): object => ({
    type: 'Warning',
    reason,
    message,
    count: 3,
    lastTimestamp: '2026-01-01T00:00:00Z',
    involvedObject: { uid },
  });

  async function deployWith(pods: object[], warnings: object[], log = '', previous = ''): Promise<CommandError> {
    const diagnostic = { severity: 'error', summary: 'Waiting for rollout to finish', detail: '', address: ADDRESS };
    fakes.add('terraform', [
      INIT,
      PLAN,
      STATE,
      { match: /^apply /, code: 1, stdout: events({ type: 'diagnostic', diagnostic }) },
    ]);
    fakes.add('kubectl', [
      ...OWNED,
      { match: /get deployments.apps production-registry/, stdout: JSON.stringify(DEPLOYMENT) },
      { match: /get replicasets.apps,jobs.batch,pods/, stdout: list(set, ...pods) },
      { match: /get events/, stdout: list(...warnings) },
      { match: /logs .*--previous/, stdout: previous },
      { match: /logs /, stdout: log },
    ]);
    return failure(deployStack(session, stack(), { yes: true }));
  }

  test('names the workload, its pods, its warnings and the last lines of what crashed, without secrets', async () => {
    const crashed = waiting('CrashLoopBackOff', 'back-off 40s', {
      restartCount: 4,
      lastState: { terminated: { reason: 'Error', exitCode: 3 } },
    });
    const warnings = [
      event('uid-production-registry-abc', 'BackOff', 'Back-off restarting failed container'),
      event('uid-of-another', 'FailedMount', 'not ours'),
    ];
    const error = await deployWith(
      [pod(crashed)],
      warnings,
      'starting',
      'FATAL: password a-generated-password is wrong\n',
    );
    expect(error.message).toBe('production is not deployed: production-registry did not become healthy');
    expect(error.log).toEqual([
      'registry/workload (deployment): Waiting for rollout to finish',
      'Deployment production-registry: 1 of 2 pods are ready; waited for 10m',
      '  pod production-registry-abc: registry CrashLoopBackOff (exit code 3, restarted 4 times)',
      '  its last warnings:',
      '    BackOff: Back-off restarting failed container (3 times)',
      '  the last log lines of registry:',
      '    FATAL: password ******** is wrong',
    ]);
    expect(error.remedy).toContain('kubectl --context prod logs');
  });

  test.each([
    ['ImagePullBackOff', pod({ phase: 'Pending', ...waiting('ImagePullBackOff', 'not found') }), [], 'images --push'],
    [
      'OOMKilled: more memory',
      pod(waiting('CrashLoopBackOff', '', { lastState: { terminated: { reason: 'OOMKilled', exitCode: 137 } } })),
      [],
      'more memory',
    ],
    [
      'Unschedulable: 0/1 nodes are available: 1 Insufficient cpu.',
      pod({
        phase: 'Pending',
        conditions: [
          {
            type: 'PodScheduled',
            status: 'False',
            reason: 'Unschedulable',
            message: '0/1 nodes are available: 1 Insufficient cpu.',
          },
        ],
      }),
      [],
      'no machine of the cluster takes the pod',
    ],
    [
      'violates PodSecurity "restricted:latest"',
      undefined,
      [event('uid-rs', 'FailedCreate', 'pods is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot')],
      'Pod Security',
    ],
    [
      'exceeded quota: compute',
      undefined,
      [event('uid-rs', 'FailedCreate', 'pods is forbidden: exceeded quota: compute')],
      'raise the quota',
    ],
  ])('%s', async (text, sick, warnings, remedy) => {
    const error = await deployWith(sick === undefined ? [] : [sick], warnings);
    expect(error.log.join('\n')).toContain(text);
    expect(error.remedy).toContain(remedy);
  });
});

describe("what is there and is not the state's", () => {
  const kubectl = (present: object[], namespaces = [NAMESPACE]): void =>
    fakes.add('kubectl', [
      { match: /get namespaces/, stdout: list(...namespaces) },
      { match: /get deployments\.apps,persistentvolumeclaims/, stdout: list(...present) },
      { match: /delete / },
    ]);
  const deleted = (): string[] => fakes.calls('kubectl').filter((call) => call.includes('delete'));

  test('was left by a killed apply when the rest is ours: it goes before the next apply', async () => {
    fakes.add('terraform', [INIT, PLAN, STATE, { match: /^apply / }]);
    const others = [
      object('Deployment', 'production-lost'),
      object('Deployment', 'made-by-a-controller', { metadata: { ownerReferences: [{ uid: 'x' }] } }),
      object('PersistentVolumeClaim', 'production-lost-data'),
    ];
    kubectl([READY, CLAIM, ...others]);
    await deployStack(session, stack(), { yes: true });
    expect(deleted()).toEqual([
      '--context prod delete Deployment production-lost --namespace production --ignore-not-found --timeout=120s',
    ]);
  });

  test("is another checkout's when nothing of it is ours, whatever its names are", async () => {
    fakes.add('terraform', [INIT, PLAN, { ...STATE, stdout: productionState('uid-of-a-former-one') }]);
    kubectl([object('Deployment', 'production-other')], []);
    const error = await failure(deployStack(session, stack(), { yes: true }));
    expect(error.message).toBe("production exists on this cluster, and this project's state does not know it");
    expect(error.log).toEqual(['Deployment production/production-other']);
    expect(deleted()).toEqual([]);
  });

  test('is removed by clean, data only when asked', async () => {
    fakes.add('terraform', [INIT, { ...STATE, stdout: '' }]);
    kubectl([READY, CLAIM]);
    const own = await platform().clean(stack(), undefined, { force: false, data: false });
    expect(own).toEqual({
      removed: 0,
      leftAlone: [
        'Deployment production/production-registry',
        'Namespace production',
        'PersistentVolumeClaim production/production-registry-data',
      ],
    });
    expect(await platform().clean(stack(), undefined, { force: true, data: false })).toMatchObject({ removed: 1 });
    expect(await platform().clean(stack(), undefined, { force: true, data: true })).toMatchObject({ removed: 3 });
    expect(deleted().at(-1)).toContain('delete Namespace production');
  });
});

describe('the end of a stack', () => {
  test('what is protected is named, and how its protection is taken off', async () => {
    fakes.add('terraform', [INIT, STATE]);
    fakes.add('kubectl', OWNED);
    const error = await failure(destroyStack(session, stack(), { yes: true, keepData: false }));
    expect(error.message).toBe('production holds data that is protected from destruction');
    expect(error.log).toEqual(['registry/volume-data (persistent volume claim)']);
    expect(error.remedy).toContain('cdktf-mlops unprotect production');
    expect(fakes.calls('terraform').filter((call) => call.startsWith('plan'))).toEqual([]);
  });

  test('keeping data destroys neither claims nor their namespace nor generated secrets', async () => {
    fakes.add('terraform', [INIT, STATE, { match: /^plan /, code: 2 }, { match: /^apply / }]);
    fakes.add('kubectl', OWNED);
    await destroyStack(session, stack(), { yes: true, keepData: true });
    const plan = fakes.calls('terraform').find((call) => call.startsWith('plan')) ?? '';
    expect(plan.match(/-target=\S+/g)).toEqual(['-target=kubernetes_deployment_v1.registry']);
  });

  test('says what is left, and what was kept', async () => {
    fakes.add('kubectl', OWNED);
    const error = await failure(checkNothingRemains(session, 'production', undefined, true));
    expect(error.log).toEqual(['Deployment production/production-registry']);
    fakes.add('kubectl', [OWNED[0], { match: /get deployments/, stdout: list(CLAIM) }]);
    await checkNothingRemains(session, 'production', undefined, true);
    expect(lines.text.join('')).toContain(
      'Kept, as asked: Namespace production, PersistentVolumeClaim production/production-registry-data',
    );
    fakes.add('kubectl', [{ match: /get /, stdout: '' }]);
    await checkNothingRemains(session, 'production', undefined, false);
    expect(lines.text.join('')).toContain('Nothing is left of it on this cluster.');
  });
});

describe('status', () => {
  const OUTPUTS: Answer[] = [
    INIT,
    STATE,
    {
      match: /^output .* components/,
      stdout: JSON.stringify([{ name: 'registry', url: 'http://127.0.0.1:5000', credentials: 'registry' }]),
    },
  ];
  const observed = (...found: object[]): Answer[] => [
    { match: /get deployments.apps,statefulsets.apps/, stdout: list(...found) },
    { match: /get services/, stdout: list() },
  ];

  test('tells replicas, restarts and claims', async () => {
    fakes.add('terraform', OUTPUTS);
    const pod = object('Pod', 'p', {
      metadata: { labels: { app: 'registry' } },
      status: {
        conditions: [{ type: 'Ready', status: 'True' }],
        containerStatuses: [{ name: 'registry', ready: true, restartCount: 2 }],
      },
    });
    fakes.add('kubectl', observed(READY, CLAIM, pod));
    const statuses = await environmentStatus(session, 'production');
    expect(statuses).toEqual([
      {
        component: 'registry',
        url: 'http://127.0.0.1:5000',
        healthy: true,
        health: 'healthy',
        restarts: 2,
        credentials: 'registry',
        ready: 2,
        desired: 2,
        storage: 'production-registry-data 10Gi Bound',
      },
    ]);
    const table = statusTable('production', statuses);
    expect(table).toMatch(/^registry +http:\S+ +healthy +2\/2 +2 +registry +production-registry-data 10Gi Bound$/m);
    expect(table).toMatch(/cdktf-mlops (-- )?forward production$/m);
  });

  test('names what is gone and what is not ready', async () => {
    fakes.add('terraform', OUTPUTS);
    fakes.add('kubectl', observed(DEPLOYMENT));
    const [status] = await environmentStatus(session, 'production');
    expect(status.health).toBe(
      'PersistentVolumeClaim production-registry-data is gone; production-registry: 1 of 2 pods are ready',
    );
    await expect(platform().lost(await (await session.terraform(stack())).state())).resolves.toEqual([
      'PersistentVolumeClaim production-registry-data is gone',
    ]);
  });

  test('what was scaled down by hand is a loss', async () => {
    fakes.add('terraform', OUTPUTS);
    fakes.add('kubectl', observed(CLAIM, { ...READY, spec: { replicas: 0 } }));
    await expect(platform().lost(await (await session.terraform(stack())).state())).resolves.toEqual([
      'Deployment production/production-registry: scaled down to nothing',
    ]);
  });
});

test('a Kubernetes stack is told by its resources', () => {
  expect(stack().platform).toBe('kubernetes');
  expect(stack().environment).toBe('production');
  const [claim] = stack().protectedResources();
  expect([claim.name, claim.namespace]).toEqual(['production-registry-data', 'production']);
  writeFileSync(join(stack().directory, 'cdk.tf.json'), '{}');
  expect(stack().platform).toBe('docker');
});
