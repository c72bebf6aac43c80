import { spawnSync } from 'node:child_process';
import { Image as DockerImage } from '@cdktf/provider-docker/lib/image';
import { DockerProvider } from '@cdktf/provider-docker/lib/provider';
import { App, TerraformStack, Testing } from 'cdktf';
import {
  ConfigFile,
  DockerPlatform,
  HealthCheck,
  Image,
  Job,
  JobProps,
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

interface Container {
  readonly name: string;
  readonly labels: { label: string; value: string }[];
  readonly networks_advanced?: { aliases?: string[] }[];
  readonly upload?: { file: string; content: string; permissions?: string }[];
  readonly entrypoint?: string[];
  readonly depends_on?: string[];
  readonly lifecycle?: { create_before_destroy?: boolean; replace_triggered_by?: string[] };
  readonly healthcheck?: { interval: string };
  readonly security_opts?: string[];
  readonly capabilities?: { drop: string[]; add?: string[] };
  readonly restart?: string;
}

const IMAGE = Image.fromRegistry('example.com/app:1.2.3');

function synth(build: (stack: TerraformStack, platform: DockerPlatform) => void) {
  const stack = new TerraformStack(new App(), 'test');
  build(stack, new DockerPlatform(stack, 'platform', { environment: 'staging' }));
  const resource = (JSON.parse(Testing.synth(stack)) as { resource: { docker_container: Record<string, Container> } })
    .resource;
  return Object.values(resource.docker_container);
}

const web = (props: Partial<WorkloadProps>, id = 'web') =>
  synth((stack, platform) => {
    new Workload(stack, id, { platform, image: IMAGE, healthCheck: HealthCheck.http('/', 80), ...props });
  });
const named = (containers: Container[], prefix: string) => containers.find(({ name }) => name.startsWith(prefix))!;
const label = (container: Container, name: string) => container.labels.find((l) => l.label === name)?.value;

describe('every container on Docker', () => {
  test('has no capability, gains no privilege, and comes back after a restart of the machine', () => {
    expect(named(web({}), 'staging-web')).toMatchObject({
      capabilities: { drop: ['ALL'] },
      security_opts: ['no-new-privileges:true'],
      restart: 'unless-stopped',
    });
  });

  test('states durations in the form that the provider reads back', () => {
    const check = (seconds: number) =>
      named(web({ healthCheck: HealthCheck.http('/', 80, { intervalSeconds: seconds }) }), 'staging-web').healthcheck;
    expect(check(60)).toMatchObject({ interval: '1m0s' });
    expect(check(90)).toMatchObject({ interval: '1m30s' });
    expect(check(3600)).toMatchObject({ interval: '1h0m0s' });
  });

  test('has swap equal to its memory, which means none, and without which no plan would come clean', () => {
    const container = named(web({ resources: Resources.of({ memory: '64Mi' }) }), 'staging-web');
    expect(container).toMatchObject({ memory: 64, memory_swap: 64 });
  });

  test('leaves its image on the machine when it is destroyed', () => {
    const stack = new TerraformStack(new App(), 'test');
    const platform = new DockerPlatform(stack, 'platform', { environment: 'staging' });
    new Workload(stack, 'web', { platform, image: IMAGE, healthCheck: HealthCheck.http('/', 80) });
    expect(
      Testing.toHaveResourceWithProperties(Testing.synth(stack), DockerImage.tfResourceType, {
        name: 'example.com/app:1.2.3',
        keep_locally: true,
      }),
    ).toBe(true);
  });

  test.each<[string, Partial<WorkloadProps>]>([
    ['health check', { healthCheck: HealthCheck.http('/other', 80) }],
    ['processor quota', { resources: Resources.of({ cpu: '1' }) }],
    ['scratch volume', { volumes: [Volume.scratch('/scratch')] }],
  ])('is replaced when its %s changes, which the Engine can not change in place', (_what, props) => {
    const fixed = (p: Partial<WorkloadProps>) => label(named(web(p), 'staging-web'), 'cdktf-mlops.fixed');
    expect(fixed(props)).not.toBe(fixed({}));
  });

  test('shares the host processes with the option that the Engine adds by itself', () => {
    expect(named(web({ hostProcesses: true }), 'staging-web').security_opts).toEqual([
      'no-new-privileges:true',
      'label=disable',
    ]);
  });

  test('may run an executable file whoever its user is', () => {
    const files = [ConfigFile.text('/start', 'x', { executable: true }), ConfigFile.text('/conf', 'x')];
    expect(named(web({ files }), 'staging-web').upload).toEqual([
      { file: '/start', content: 'x', permissions: '0755' },
      { file: '/conf', content: 'x' },
    ]);
  });
});

describe('names and ports', () => {
  test('each replica has the name of the workload and one of its own', () => {
    const containers = web({ replicas: 2 });
    expect(containers.map(({ name, networks_advanced }) => [name, networks_advanced![0].aliases])).toEqual([
      ['staging-web-1', ['staging-web', 'staging-web-1']],
      ['staging-web-2', ['staging-web', 'staging-web-2']],
    ]);
  });

  test('a workload can not take the name of a replica', () => {
    expect(() =>
      synth((stack, platform) => {
        const props = { platform, image: IMAGE, healthCheck: HealthCheck.http('/', 80) };
        new Workload(stack, 'web', { ...props, replicas: 2 });
        new Workload(stack, 'web-1', props);
      }),
    ).toThrow(/test\/web-1: 'id' is "staging-web-1"; the physical name is taken by test\/web/);
  });

  test('a port on every address meets the same port on one address', () => {
    expect(() =>
      web({
        ports: [
          { name: 'a', port: 1, publish: Publish.onAddress('0.0.0.0', 5000) },
          { name: 'b', port: 2, publish: Publish.onLoopback(5000) },
        ],
      }),
    ).toThrow(/'ports\.b\.publish' is "127\.0\.0\.1:5000"; it is taken by/);
  });

  test('a second Engine in one stack is refused, and the provider that a program has is used', () => {
    const stack = new TerraformStack(new App(), 'test');
    new DockerProvider(stack, 'mine', { host: 'tcp://one:2375' });
    new DockerPlatform(stack, 'platform', { environment: 'staging' });
    expect(() => new DockerPlatform(stack, 'other', { environment: 'other', host: 'tcp://two:2375' })).toThrow(
      /test\/other: 'host' is "tcp:\/\/two:2375"; the stack's Docker provider has tcp:\/\/one:2375 already/,
    );
  });

  test('a start that takes longer than the provider waits is refused', () => {
    expect(() => web({ healthCheck: HealthCheck.http('/', 80, { startSeconds: 1200 }) })).toThrow(/want at most 1140/);
  });
});

describe('create first', () => {
  const server = (props: Partial<WorkloadProps> = {}) =>
    web({ update: UpdateStrategy.CREATE_FIRST, ...props }).find(({ name }) => name.startsWith('staging-web-'))!;

  test('gives new content a new name, inside the environment too, so that those who name it notice', () => {
    const [before, after] = [server(), server({ environment: { A: 'b' } })];
    expect(before.lifecycle).toEqual({ create_before_destroy: true });
    expect(before.networks_advanced![0].aliases![0]).toMatch(/^staging-web-[0-9a-f]{8}$/);
    expect(after.networks_advanced![0].aliases).not.toEqual(before.networks_advanced![0].aliases);
    expect(server().name).toBe(before.name);
  });

  test('follows an image that was rebuilt under its name', () => {
    expect(server().name).toMatch(/^staging-web-[0-9a-f]{8}-\$\{substr\(docker_image\.[\w-]+\.image_id, 7, 6\)\}$/);
  });

  test.each<[string, Partial<WorkloadProps>, string]>([
    ['a published port', { ports: [{ name: 'a', port: 1, publish: Publish.onLoopback(1) }] }, 'publish one port'],
    ['a volume', { volumes: [Volume.persistent('data', '/data')] }, 'write to one volume'],
  ])('is refused for %s', (_what, props, message) => {
    expect(() => server(props)).toThrow(message);
  });
});

describe('publications', () => {
  const publish = (content: string, timeoutSeconds?: number) =>
    synth((stack, platform) => {
      const directory = LiveDirectory.create(stack, 'live', { platform, owner: '99:99' });
      const server = new Workload(stack, 'server', {
        platform,
        image: IMAGE,
        healthCheck: HealthCheck.http('/', 80),
        update: UpdateStrategy.CREATE_FIRST,
      });
      new PublishedFiles(stack, 'files', {
        platform,
        directory,
        files: { 'a.cfg': content },
        confirm: [{ file: 'a.cfg', url: 'http://reader:80/', text: 'x' }],
        timeoutSeconds,
        names: [server],
      });
    }).find(({ name }) => name.startsWith('staging-files'))!;

  test('come after the workloads that they name, and before these go', () => {
    const publication = publish('x');
    expect(publication.lifecycle).toEqual({ create_before_destroy: true });
    expect(publication.depends_on).toEqual(expect.arrayContaining([expect.stringMatching(/\.server_container_/)]));
  });

  test('have another name whenever anything of them changes', () => {
    expect(new Set([publish('x').name, publish('y').name]).size).toBe(2);
  });

  test('forget an old refusal before they publish, and put the last good file back after a new one', () => {
    const script = publish('x').entrypoint![2];
    expect(script).toMatch(
      /^set -e\nrm -f \/live\/a\.cfg\.error; cp \S+ \S+ && mv \/live\/\.a\.cfg\.new \/live\/a\.cfg\n/,
    );
    expect(script).toContain('cp /live/a.cfg.loaded /live/.a.cfg.new && mv /live/.a.cfg.new /live/a.cfg; exit 1');
  });
});

describe('preparations', () => {
  test('are the only container with the secret; the workload is replaced when a digest of it changes', () => {
    const containers = synth((stack, platform) => {
      new Workload(stack, 'web', {
        platform,
        image: IMAGE,
        healthCheck: HealthCheck.http('/', 80),
        secrets: { password: Secret.generated(stack, 'secret') },
        user: '1000:1000',
        volumes: [Volume.persistent('data', '/data')],
      });
    });
    const holders = containers.filter((container) => JSON.stringify(container).includes('random_password.'));
    expect(holders.map(({ name }) => name)).toEqual(['staging-web-prepare']);
    expect(holders[0].upload![0].permissions).toBe('0400');
    expect(named(containers, 'staging-web').lifecycle!.replace_triggered_by).toEqual([
      expect.stringMatching(/^terraform_data\./),
    ]);
  });

  test('remove secrets that are no longer handed over, and keep the image from taking a volume over', () => {
    const script = synth((stack, platform) => {
      new Task(stack, 'task', {
        platform,
        image: IMAGE,
        script: 'true',
        secrets: { b: Secret.generated(stack, 'b'), a: Secret.generated(stack, 'a') },
        user: '1000',
        volumes: [Volume.persistent('data', '/data')],
      });
    }).find(({ name }) => name === 'staging-task-prepare')!.entrypoint![2];
    expect(script).toContain('in a|b) ;; *) rm -f "$f"');
    expect(script).toContain('touch /volumes/0/.cdktf-mlops && chown 1000:1000 /volumes/0');
  });
});

test('two variables of one name would be one secret, and are refused', () => {
  const stack = new TerraformStack(new App(), 'test');
  Secret.fromVariable(stack, 'password', 'one');
  const other = new DockerPlatform(stack, 'platform', { environment: 'staging' });
  expect(() => Secret.fromVariable(other, 'password', 'two')).toThrow(/the stack has a variable 'password' already/);
});

describe('a job with a schedule', () => {
  const job = (props: Partial<JobProps>) =>
    synth((stack, platform) => {
      new Job(stack, 'job', { platform, image: IMAGE, schedule: Schedule.daily(2, 30), ...props });
    });

  test('waits in a shell until it is due, and comes back after a restart of the machine', () => {
    const container = named(job({ entrypoint: ['run', '${x}'], stopSeconds: 7 }), 'staging-job');
    expect(container).toMatchObject({ must_run: true, restart: 'unless-stopped', stop_timeout: 7 });
    expect(container.entrypoint!.slice(0, 2)).toEqual(['sh', '-c']);
    expect(container.entrypoint!.slice(3)).toEqual(['schedule', '86400', '9000', 'run', '$${x}']);
    expect(container.healthcheck).toBeUndefined();
    expect(label(container, 'cdktf-mlops.schedule')).toBe('30 2 * * *');
  });

  test('needs an entrypoint, because the shell takes the place of the one of the image', () => {
    expect(() => job({})).toThrow("test/job: 'entrypoint' is missing; on Docker give the entrypoint of a job");
  });

  // As the container would run it, with a period of two seconds.
  const runSchedule = (script: string, seconds: number) => {
    const [shell, ...words] = named(job({ entrypoint: ['sh', '-c', script] }), 'staging-job').entrypoint!;
    const [c, loop, name, , , ...run] = words.map((word) => word.replace(/\$\$\{/g, '${'));
    const args = ['--signal=TERM', '--preserve-status', `${seconds}`, shell, c, loop, name, '2', '1', ...run];
    return spawnSync('timeout', args, { encoding: 'utf8' });
  };

  test('runs at the same second of each period, whatever a run ends with', () => {
    const { stdout, stderr, status } = runSchedule('date +%s; exit 3', 6);
    const times = stdout.split('\n').filter((line) => /^\d+$/.test(line));
    expect(times.length).toBeGreaterThanOrEqual(2);
    expect(times.map((time) => Number(time) % 2)).toEqual(times.map(() => 1));
    expect(new Set(times).size).toBe(times.length);
    expect(stderr).toContain('the run failed with exit code 3');
    expect(status).toBe(143);
  }, 20_000);

  test('hands TERM on to a run and ends', () => {
    const before = Date.now();
    const { stdout, status } = runSchedule('trap "echo ended; exit 0" TERM; sleep 60 & wait', 4);
    expect({ ended: stdout.includes('ended'), status }).toEqual({ ended: true, status: 143 });
    expect(Date.now() - before).toBeLessThan(10_000);
  }, 20_000);
});
