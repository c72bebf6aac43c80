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
  Secret,
  Task,
  Volume,
  Workload,
  WorkloadProps,
} from '../../lib';
import { PLATFORMS, PlatformUnderTest } from './platforms';

const IMAGE = Image.fromRegistry('example.com/app:1.2.3');
const CONFIRMATION = { file: 'a.txt', url: 'http://reader:8080/', text: 'x' };
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
    underTest.read(synth((stack, platform) => workload(stack, platform, props, id)))[`staging-${id}`];

  test('runs the image that was named, and waits until it is healthy', () => {
    expect(service({})).toMatchObject({ image: 'example.com/app:1.2.3', waitsUntilHealthy: true, replicas: 1 });
  });

  test('passes environment, command and user as they were given', () => {
    const made = service({ environment: { B: '2', A: 'x=${y}' }, command: ['--flag', '${z}'], user: '1000:1000' });
    expect(made.environment).toEqual({ A: 'x=$${y}', B: '2' });
    expect(made.command).toEqual(['--flag', '$${z}']);
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
    expect(made.files).toEqual({ '/etc/app.conf': 'a: $${b}' });
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
    const made = underTest.read(synthesised)['staging-web'];
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

  const unsupported: Record<string, Partial<WorkloadProps>> = {
    autoscaling: { autoscaling: { minReplicas: 1, maxReplicas: 2 } },
    'gpu count': { resources: Resources.of({ gpu: Gpu.count(2) }) },
    'published replicas': { replicas: 2, ports: [{ name: 'http', port: 80, publish: Publish.onLoopback(8080) }] },
  };
  test.each(Object.keys(unsupported))('either does %s or refuses it aloud', (feature) => {
    const attempt = () => service(unsupported[feature]);
    if (underTest.refuses.includes(feature)) expect(attempt).toThrow(/test\/web: /);
    else expect(attempt).not.toThrow();
  });

  test('comes after what it depends on', () => {
    const synthesised = synth((stack, platform) => {
      const first = workload(stack, platform, {}, 'first');
      workload(stack, platform, { dependsOn: [first] }, 'second');
    });
    expect(underTest.order(synthesised, 'staging-first', 'staging-second')).toBe(true);
    expect(underTest.order(synthesised, 'staging-second', 'staging-first')).toBe(false);
  });
});
