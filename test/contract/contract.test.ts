import { App, TerraformStack, Testing } from 'cdktf';
import { Construct } from 'constructs';
import {
  ConfigFile,
  Gpu,
  HealthCheck,
  Image,
  IPlatform,
  Job,
  LiveDirectory,
  Publish,
  PublishedFiles,
  Resources,
  Schedule,
  Secret,
  SecretBundle,
  Task,
  UpdateStrategy,
  Volume,
  Workload,
  WorkloadProps,
} from '../../lib';
import { PLATFORMS, PlatformUnderTest } from './platforms';

const IMAGE = Image.fromRegistry('example.com/app:1.2.3');
const CONFIRMATION = { file: 'a.txt', url: 'http://reader:8080/', text: 'x' };
/** With signs that Terraform, a shell or a platform would replace. */
const GIVEN = { A: 'x=${y}', B: '2', C: '$(HOME) %{if} $HOME' };
const HEALTH = HealthCheck.http('/health', 8000);

describe.each(PLATFORMS)('platform contract on $name', (underTest: PlatformUnderTest) => {
  function synth(build: (stack: TerraformStack, platform: IPlatform) => void) {
    const stack = new TerraformStack(new App(), 'test');
    build(stack, underTest.create(stack, 'staging'));
    return JSON.parse(Testing.synth(stack)) as Record<string, unknown>;
  }
  const workload = (scope: Construct, platform: IPlatform, props: Partial<WorkloadProps> = {}, id = 'web') =>
    new Workload(scope, id, { platform, image: IMAGE, healthCheck: HEALTH, ...props });
  const service = (props: Partial<WorkloadProps>, id = 'web') =>
    underTest.read(synth((stack, platform) => workload(stack, platform, props, id)))[id];

  test('runs the image that was named, and waits until it is healthy', () => {
    expect(service({})).toMatchObject({ image: 'example.com/app:1.2.3', waitsUntilHealthy: true, replicas: 1 });
  });

  test('passes environment, command and user as they were given', () => {
    const made = service({ environment: GIVEN, command: ['--flag', ...Object.values(GIVEN)], user: '1000:1000' });
    expect(made.environment).toEqual(GIVEN);
    expect(made.command).toEqual(['--flag', ...Object.values(GIVEN)]);
    expect(made.user).toBe('1000:1000');
  });

  test('limits memory and processor time', () => {
    expect(service({ resources: Resources.of({ cpu: '250m', memory: '64Mi' }) })).toMatchObject({
      cpuMillis: 250,
      memoryBytes: 64 * 2 ** 20,
    });
  });

  test('places files and volumes', () => {
    const made = service({
      files: [ConfigFile.text('/etc/app.conf', 'a: ${b}')],
      volumes: [Volume.persistent('data', '/data'), Volume.scratch('/scratch')],
    });
    expect(made.files).toEqual({ '/etc/app.conf': 'a: ${b}' });
    expect(made.mounts).toEqual(expect.arrayContaining(['/data', '/scratch']));
  });

  test('publishes on loopback what is to be published, and nothing else', () => {
    const ports = [
      { name: 'http', port: 8000, publish: Publish.onLoopback(18000) },
      { name: 'metrics', port: 8001 },
    ];
    expect(service({ ports }).published).toEqual(['127.0.0.1:18000']);
  });

  test('runs as many replicas as asked behind one name', () => {
    expect(service({ replicas: 3 }).replicas).toBe(3);
  });

  test('gives time to stop: 30 seconds unless said otherwise', () => {
    expect(service({}).stopSeconds).toBe(30);
    expect(service({ stopSeconds: 7 }).stopSeconds).toBe(7);
  });

  test('labels what belongs to an environment', () => {
    expect(service({}).labels).toMatchObject({
      'cdktf-mlops.environment': 'staging',
      'cdktf-mlops.component': 'web',
      'cdktf-mlops.stack': 'test',
    });
  });

  test('hands secrets over as files and never in environment, command or labels', () => {
    const synthesised = synth((stack, platform) => {
      const secret = Secret.generated(stack, 'password');
      workload(stack, platform, { secrets: { password: secret }, user: '1000:1000' });
    });
    const made = underTest.read(synthesised).web;
    expect(made.mounts).toContain('/run/secrets');
    const { environment, command, labels, files } = made;
    expect(JSON.stringify({ environment, command, labels, files })).not.toContain('random_password');
  });

  test('gives the same bytes for the same program', () => {
    const build = () =>
      JSON.stringify(
        synth((stack, platform) => {
          const secret = Secret.generated(stack, 'password');
          const one = workload(stack, platform, { secrets: { password: secret }, user: '1:1' });
          new Task(stack, 'task', { platform, image: IMAGE, script: 'true', dependsOn: [one] });
          new Job(stack, 'job', { platform, image: IMAGE });
          const directory = LiveDirectory.create(stack, 'live', { platform, owner: '1:1' });
          new PublishedFiles(stack, 'files', { platform, directory, files: { 'a.txt': 'x' }, confirm: [CONFIRMATION] });
        }),
      );
    expect(build()).toBe(build());
  });

  test.each<[string, Partial<WorkloadProps>, string]>([
    ['a fractional replica count', { replicas: 1.5 }, "'replicas' is 1.5; want a whole number from 0 to 1000"],
    ['a negative replica count', { replicas: -1 }, "'replicas' is -1; want a whole number from 0 to 1000"],
    ['a port out of range', { ports: [{ name: 'http', port: 70000 }] }, "'ports.http' is 70000"],
    [
      'a port given twice',
      {
        ports: [
          { name: 'a', port: 80 },
          { name: 'b', port: 80 },
        ],
      },
      'use each port once',
    ],
    ['a user by name', { user: 'root' }, '\'user\' is "root"; write numbers'],
    ['a capability in short form', { capabilities: ['NET_ADMIN'] }, "write it as 'CAP_NET_BIND_SERVICE'"],
    ['an environment name with a dash', { environment: { 'A-B': 'x' } }, '\'environment\' is "A-B"'],
    [
      'one path for two things',
      { files: [ConfigFile.text('/data', 'x')], volumes: [Volume.scratch('/data')] },
      'use each path once',
    ],
    [
      'scaling limits the wrong way round',
      { autoscaling: { minReplicas: 3, maxReplicas: 2 } },
      "'autoscaling.maxReplicas' is 2",
    ],
  ])('refuses %s and names construct, prop and value', (_what, props, message) => {
    expect(() => service(props)).toThrow(`test/web: `);
    expect(() => service(props)).toThrow(message);
  });

  test('refuses a port that another workload publishes', () => {
    const publish = { ports: [{ name: 'http', port: 80, publish: Publish.onLoopback(18000) }] };
    expect(() =>
      synth((stack, platform) => {
        workload(stack, platform, publish, 'one');
        workload(stack, platform, publish, 'two');
      }),
    ).toThrow(/test\/two: 'ports\.http\.publish' is "127\.0\.0\.1:18000"; it is taken by test\/one/);
  });

  test('refuses two constructs whose names would be one', () => {
    expect(() =>
      synth((stack, platform) => {
        workload(new Construct(stack, 'a'), platform, {}, 'b');
        workload(stack, platform, {}, 'a-b');
      }),
    ).toThrow(/the physical name is taken by test\/a\/b/);
  });

  const loopback = Publish.onLoopback(8080);
  const perhaps: Record<string, Partial<WorkloadProps>> = {
    autoscaling: { autoscaling: { minReplicas: 1, maxReplicas: 2 }, resources: Resources.of({ cpu: '1' }) },
    'a number of graphics processors': { resources: Resources.of({ gpu: Gpu.count(2) }) },
    'all graphics processors': { resources: Resources.of({ gpu: Gpu.all() }) },
    'replicas that publish a port': { replicas: 2, ports: [{ name: 'http', port: 80, publish: loopback }] },
    'replicas with a persistent volume': { replicas: 2, volumes: [Volume.persistent('data', '/data')] },
    'a persistent volume while a new one starts': {
      update: UpdateStrategy.CREATE_FIRST,
      volumes: [Volume.persistent('data', '/data')],
    },
    "a machine's directory": { volumes: [Volume.host('/srv', '/srv')] },
    "a machine's directory on every machine": { perNode: true, volumes: [Volume.host('/srv', '/srv')] },
    'a host name': { ports: [{ name: 'http', port: 80, publish: Publish.atHost('models.example.com') }] },
    "an address of one's own": { ports: [{ name: 'http', port: 80, publish: Publish.onAddress('192.0.2.7', 80) }] },
    root: { user: '0:0' },
    'a strong capability': { capabilities: ['CAP_NET_ADMIN'] },
    'files in a read-only root': { readOnlyRoot: true, files: [ConfigFile.text('/etc/app.conf', 'x')] },
  };
  test.each(Object.keys(perhaps))('either does %s, or refuses it and says what to do instead', (feature) => {
    const attempt = () => service(perhaps[feature]);
    const remedy = underTest.refuses[feature];
    if (remedy === undefined) return void expect(attempt()).toBeDefined();
    expect(attempt).toThrow(/^test\/web: '/);
    expect(attempt).toThrow(remedy);
  });

  test('names only features that there are as refused', () => {
    expect(Object.keys(perhaps)).toEqual(expect.arrayContaining(Object.keys(underTest.refuses)));
  });

  test('comes after what it depends on, and after the tasks that prepare for it', () => {
    const synthesised = synth((stack, platform) => {
      const first = workload(stack, platform, {}, 'first');
      const task = new Task(stack, 'task', { platform, image: IMAGE, script: 'true', dependsOn: [first] });
      workload(stack, platform, { dependsOn: [task] }, 'second');
    });
    expect(underTest.order(synthesised, 'first', 'task')).toBe(true);
    expect(underTest.order(synthesised, 'task', 'second')).toBe(true);
    expect(underTest.order(synthesised, 'task', 'first')).toBe(false);
    expect(underTest.order(synthesised, 'second', 'task')).toBe(false);
  });

  test('waits until a task has succeeded', () => {
    const synthesised = synth(
      (stack, platform) => new Task(stack, 'task', { platform, image: IMAGE, script: 'make ${it} || exit 3' }),
    );
    expect(underTest.tasks(synthesised)).toEqual({
      task: { script: expect.stringContaining('make ${it} || exit 3') as string, awaited: true },
    });
  });

  test('declares jobs, and starts those that have a schedule', () => {
    const common = { image: IMAGE, command: ['train', '$(x)'], resources: Resources.of({ memory: '64Mi' }) };
    const synthesised = synth((stack, platform) => {
      new Job(stack, 'by-hand', { platform, ...common, concurrency: 3 });
      new Job(stack, 'nightly', { platform, ...common, entrypoint: ['run'], schedule: Schedule.daily(2, 30) });
    });
    const { 'by-hand': byHand, nightly } = underTest.jobs(synthesised);
    expect(byHand).toEqual({
      image: 'example.com/app:1.2.3',
      command: ['train', '$(x)'],
      concurrency: '3',
      starts: 'when somebody starts it',
    });
    expect(nightly).toMatchObject({ image: 'example.com/app:1.2.3', starts: 'by itself' });
  });

  test('hands published files to running readers, after the workloads that they name', () => {
    const synthesised = synth((stack, platform) => {
      const directory = LiveDirectory.create(stack, 'live', { platform, owner: '1000:1000' });
      workload(stack, platform, { volumes: [Volume.live(directory, '/live')], user: '1000:1000' }, 'reader');
      const server = workload(stack, platform, { update: UpdateStrategy.CREATE_FIRST }, 'server');
      const files = { 'a.txt': 'x ${y}', 'b.json': '[]' };
      new PublishedFiles(stack, 'files', { platform, directory, files, names: [server], confirm: [CONFIRMATION] });
    });
    expect(underTest.read(synthesised).reader.mounts).toContain('/live');
    expect(underTest.published(synthesised)).toEqual({ 'staging-live': { 'a.txt': 'x ${y}', 'b.json': '[]' } });
    expect(underTest.order(synthesised, 'server', 'files')).toBe(true);
    expect(underTest.order(synthesised, 'reader', 'files')).toBe(false);
  });

  test('finds what another stack of the environment prepared by its name', () => {
    const stack = new TerraformStack(new App(), 'test');
    const platform = underTest.create(stack, 'staging');
    const bundle = SecretBundle.fromName(stack, 'bundle', platform, 'model-credentials');
    const directory = LiveDirectory.fromName(stack, 'live', platform, 'release');
    const volumes = [Volume.live(directory, '/live')];
    workload(stack, platform, { secretBundle: bundle, volumes, user: '1000:1000' });
    const synthesised = JSON.parse(Testing.synth(stack)) as Record<string, unknown>;
    expect(underTest.read(synthesised).web.mounts).toEqual(['/live', '/run/secrets']);
    const text = JSON.stringify(synthesised);
    expect(text).toContain('staging-model-credentials');
    expect(text).toContain('staging-release');
    expect(text).not.toContain('random_password');
  });

  test('starts the new before it stops the old, or the other way round, as it is told', () => {
    expect(service({ update: UpdateStrategy.CREATE_FIRST }).newFirst).toBe(true);
    expect(service({ update: UpdateStrategy.REPLACE }).newFirst).toBe(false);
  });

  test('keeps protected volumes from being destroyed, and others not', () => {
    const protectedOnes = (protect: boolean) => {
      const volumes = [Volume.persistent('data', '/data', { protect })];
      const { resource } = synth((stack, platform) => workload(stack, platform, { volumes })) as {
        resource: Record<string, Record<string, { lifecycle?: { prevent_destroy?: boolean } }>>;
      };
      return Object.values(resource)
        .flatMap((ofType) => Object.values(ofType))
        .filter(({ lifecycle }) => lifecycle?.prevent_destroy === true).length;
    };
    expect([protectedOnes(true), protectedOnes(false)]).toEqual([1, 0]);
  });

  test('says under which name and port others reach it, from any stack', () => {
    const stack = new TerraformStack(new App(), 'test');
    const platform = underTest.create(stack, 'staging');
    const web = workload(stack, platform, { ports: [{ name: 'http', port: 8000 }], replicas: 2 });
    const { host, url } = web.endpoint('http');
    expect(host).toBe(platform.hostOf('web'));
    expect(host.split('.')[0]).toBe('staging-web');
    expect(url).toBe(`http://${host}:8000`);
    for (const address of web.replicaAddresses('http')) expect(address).toMatch(/^staging-web.*:8000$/);
  });

  test('cuts a name that is too long, and keeps two apart that differ at their ends', () => {
    const ids = ['one', 'two'].map((end) => `${'long-'.repeat(14)}${end}`);
    const hosts: string[] = [];
    synth((stack, platform) => {
      for (const id of ids) {
        const ports = [{ name: 'http', port: 80 }];
        hosts.push(workload(stack, platform, { ports }, id).endpoint('http').host.split('.')[0]);
      }
    });
    expect(new Set(hosts).size).toBe(2);
    for (const host of hosts) expect(host).toMatch(/^staging-long-[a-z0-9-]{1,42}-[0-9a-f]{8}$/);
  });
});
