import { IMAGES_CONTEXT } from '../core/image';
import { CommandError } from './command-error';
import { describeContainer, missingContainers, problemOf } from './containers';
import { ContainerInfo, Docker, LABEL, label } from './docker';
import { runJobOnDocker, startContainerAgain } from './docker-jobs';
import { trainOnDocker } from './docker-train';
import { checkDisk, ensureEngine, NEEDS, THIS_MACHINE } from './doctor';
import { buildImages, ownImages } from './images';
import { JobResult, JobRun, noJob } from './jobs';
import {
  attachedToOneOf,
  checkForeign,
  clearLeftovers,
  findLeftovers,
  ownLeftovers,
  remains,
  removeLeftovers,
} from './leftovers';
import { CleanOptions, CleanResult, Finding, Observed, OpenUrl, Platform, ProgramResult, Remaining } from './platform';
import { checkPorts } from './ports';
import { runInImage } from './predict';
import type { Session } from './session';
import { StackFile } from './stack-file';
import { buildAirgapImages, hasAirgap } from './supply';
import { idsInState, TerraformState } from './terraform';
import { TrainOptions, TrainResult } from './train';

/** Types that hold no data: they go with `--keep-data` too. */
const DISPOSABLE = ['docker_container', 'docker_network'];

/** Stacks on the Docker Engine that this user's client talks to. */
export class DockerPlatform implements Platform {
  public readonly place = 'this Docker Engine';
  public readonly dataName = 'volumes';
  public readonly terraformEnv = {};
  public readonly remedies = [
    [
      /port is already allocated|address already in use/i,
      'another program has the port: stop it, or give the component another port. `cdktf-mlops doctor` names the program.',
    ],
    [
      /no space left on device/i,
      'free some disk space (`docker system df` tells what images take), then run it again.',
    ],
    [
      /non-overlapping IPv4 address pool|all predefined address pools/i,
      'the Engine has no addresses left for another network: remove networks that nobody uses (`docker network ls`).',
    ],
    [
      /Cannot connect to the Docker daemon|is the docker daemon running/i,
      'run `cdktf-mlops doctor`: it starts the Engine where it may.',
    ],
    [
      /name ".*" is already in use/i,
      'a container of that name exists that Terraform does not know: `cdktf-mlops clean <stack>` tells whose it is and removes it when it is ours.',
    ],
  ] as const;

  private readonly docker: Docker;

  constructor(private readonly session: Session) {
    this.docker = session.docker;
  }

  public ping(): Promise<void> {
    return this.docker.ping();
  }

  public async prepare(_stacks: readonly StackFile[], say: (line: string) => void): Promise<string> {
    const engine = await ensureEngine(this.docker, THIS_MACHINE, true, say);
    const free = await checkDisk(this.docker, NEEDS.diskGb, say);
    return `Docker Engine ${engine}, ${free} GB free`;
  }

  public async checkDemands(stacks: readonly StackFile[]): Promise<string> {
    await checkPorts(stacks, this.docker);
    const count = stacks.flatMap((stack) => stack.publishedPorts()).length;
    return `${count} ports wanted, none taken by others`;
  }

  public async ensureImages(stacks: readonly StackFile[]): Promise<void> {
    const { project, progress, supply } = this.session;
    const used = new Set(stacks.flatMap((stack) => stack.ofType('docker_image').map(({ name }) => name)));
    const airgapped = supply?.supply === 'airgap' && hasAirgap(project);
    const built = airgapped
      ? Object.entries(supply.context[IMAGES_CONTEXT] as Record<string, string>)
      : [...ownImages()];
    const wanted = built.filter(([, reference]) => used.has(reference));
    const present = await Promise.all(wanted.map(([, reference]) => this.docker.imageId(reference)));
    const missing = wanted.filter((_image, index) => present[index] === undefined).map(([key]) => key);
    if (missing.length > 0) await checkDisk(this.docker, NEEDS.freshDiskGb, (line) => progress.line(line));
    if (!airgapped) {
      await buildImages(
        this.docker,
        progress,
        wanted.map(([key]) => key),
      );
    } else if (missing.length > 0) {
      await buildAirgapImages(project, progress, missing);
    }
  }

  public async checkOwner(stack: StackFile, state: TerraformState | undefined): Promise<void> {
    await checkForeign(stack, state, await this.ownNetworks(stack.environment), this.docker);
  }

  public async clearLeftovers(stack: StackFile, state: TerraformState | undefined): Promise<void> {
    const own = await this.ownNetworks(stack.environment);
    await clearLeftovers(stack, state, own, this.docker, this.session.progress);
  }

  public async clearForDestroy(stack: StackFile, state: TerraformState | undefined): Promise<void> {
    // A container that the state does not know would hold the network.
    const left = await findLeftovers(stack, state, this.docker);
    const { own } = ownLeftovers(left, await this.ownNetworks(stack.environment));
    await removeLeftovers(own, this.docker, this.session.progress);
  }

  public async clean(stack: StackFile, state: TerraformState | undefined, options: CleanOptions): Promise<CleanResult> {
    const left = await findLeftovers(stack, state, this.docker);
    const { own, foreign } = ownLeftovers(left, await this.ownNetworks(stack.environment));
    const chosen = options.force ? { ...left, volumes: options.data ? left.volumes : [] } : own;
    const removed = await removeLeftovers(chosen, this.docker, this.session.progress);
    return { removed, leftAlone: options.force ? [] : foreign.map(({ Name }) => Name) };
  }

  public async explain(stack: StackFile, address: string): Promise<Finding | undefined> {
    const resource = stack.ofType('docker_container').find((candidate) => candidate.address === address);
    const container = resource === undefined ? undefined : (await this.docker.containersOf(resource))[0];
    if (container === undefined) return undefined;
    const lines = await describeContainer(container, this.docker);
    return lines.length === 0 ? undefined : { name: container.Name, lines };
  }

  public async observe(environment: string): Promise<Observed[]> {
    const containers = (await this.docker.containers(`${LABEL.ENVIRONMENT}=${environment}`)).filter(
      (container) => label(container, LABEL.KIND) !== 'run',
    );
    const missing: string[] = [];
    for (const stack of this.session.environmentStacks(environment)) {
      missing.push(...missingContainers(await (await this.session.terraform(stack)).state(), containers));
    }
    return [
      ...missing.map((path) => ({
        component: path,
        kind: 'workload',
        problem: `${path}: no container`,
        restarts: 0,
      })),
      ...containers.map((container) => ({
        component: label(container, LABEL.COMPONENT) ?? '',
        kind: label(container, LABEL.KIND) ?? '',
        problem: problemOf(container),
        restarts: container.RestartCount,
      })),
    ];
  }

  public async lost(state: TerraformState | undefined): Promise<string[]> {
    const known = idsInState(state, 'docker_container');
    if (known.size === 0) return [];
    const present = await this.docker.inspect([...known]);
    return [
      ...missingContainers(state, present).map((path) => `${path}: its container is gone`),
      ...present
        .filter((container) => label(container, LABEL.KIND) === 'workload' && !container.State.Running)
        .map(({ Name, State }) => `${Name}: ${State.Status}, exit code ${State.ExitCode}`),
    ].sort();
  }

  public isDisposable(type: string): boolean {
    return DISPOSABLE.includes(type);
  }

  public async removeRuns(environment: string): Promise<void> {
    const runs = await this.docker.containers(`${LABEL.ENVIRONMENT}=${environment}`, `${LABEL.KIND}=run`);
    if (runs.length === 0) return;
    // The same labels are on the runs of another checkout of this project.
    const own = await this.ownNetworks(environment);
    for (const { Name, Id, State } of runs.filter((run) => attachedToOneOf(run, own))) {
      this.session.progress.line(`${State.Running ? 'stopping and removing' : 'removing'} the training run ${Name}`);
      if (State.Running) await this.docker.run(['stop', Id]);
      await this.docker.run(['rm', '--force', '--volumes', Id]);
    }
  }

  public async remains(environment: string, stack?: string): Promise<Remaining[]> {
    const labels = [`${LABEL.ENVIRONMENT}=${environment}`, ...(stack === undefined ? [] : [`${LABEL.STACK}=${stack}`])];
    return (await remains(this.docker, labels)).map((name) => ({ name, data: name.startsWith('volume ') }));
  }

  public async train(options: TrainOptions): Promise<TrainResult> {
    return trainOnDocker(this.docker, this.session.progress, {
      ...options,
      environments: StackFile.environments(this.session.project),
      ownNetworks: await this.ownNetworks(options.environment),
    });
  }

  public async runJob(options: JobRun): Promise<JobResult> {
    const { environment, component } = options;
    const jobs = await this.docker.containers(`${LABEL.ENVIRONMENT}=${environment}`, `${LABEL.KIND}=job`);
    const template = jobs.find((job) => label(job, LABEL.COMPONENT) === component);
    if (template === undefined) throw noJob(environment, component);
    if (!attachedToOneOf(template, await this.ownNetworks(environment))) {
      throw new CommandError(`the environment '${environment}' on this Docker Engine is not this project's`, {
        remedy: 'another checkout of the project may have deployed it: go there.',
      });
    }
    return runJobOnDocker(this.docker, this.session.progress, template, options);
  }

  public async startAgain(environment: string, components: readonly string[]): Promise<void> {
    for (const component of components) {
      await this.session.progress.step(`Starting ${component} again`, async (step) => {
        const found = await this.docker.containers(
          `${LABEL.ENVIRONMENT}=${environment}`,
          `${LABEL.COMPONENT}=${component}`,
        );
        const kinds = ['workload', 'task'];
        const containers = found.filter((container) => kinds.includes(label(container, LABEL.KIND) ?? ''));
        for (const container of containers) await startContainerAgain(this.docker, container);
        step.outcome = containers.map(({ Name }) => Name).join(', ') || 'it is not there';
      });
    }
  }

  public async runProgram(environment: string, runner: string, program: string): Promise<ProgramResult | undefined> {
    const runners = await this.docker.containers(`${LABEL.ENVIRONMENT}=${environment}`, `${LABEL.KIND}=job`);
    const found = runners.find((container: ContainerInfo) => label(container, LABEL.COMPONENT) === runner);
    return found === undefined ? undefined : runInImage(this.docker, found.Image, program);
  }

  /** What is not published has a name that resolves inside the environment only. */
  public open(environment: string, url: string): Promise<OpenUrl | undefined> {
    const inside = new URL(url).hostname.startsWith(`${environment}-`);
    return Promise.resolve(inside ? undefined : { url, close: () => undefined });
  }

  public logCommand(workload: string): string {
    return `docker logs ${workload}`;
  }

  /** Ids and names of the networks that this project's state of an environment owns and that exist. */
  private async ownNetworks(environment: string): Promise<Set<string>> {
    const networks = await this.docker.networks(`${LABEL.ENVIRONMENT}=${environment}`);
    const stack = StackFile.find(this.session.project, environment);
    // An environment that another program deploys: its networks are joined, whoever owns them.
    const known = stack === undefined ? undefined : idsInState(await this.session.state(stack), 'docker_network');
    const own = networks.filter((network) => known === undefined || known.has(network.id));
    return new Set(own.flatMap(({ id, name }) => [id, name]));
  }
}
