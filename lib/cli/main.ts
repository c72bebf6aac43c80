#!/usr/bin/env node
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { IMAGES_CONTEXT } from '../core/image';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { CommandError, EXIT } from './command-error';
import { credentialOutputs, environmentStacks, environmentStatus, lostContainers } from './components';
import { deployStack } from './deploy';
import { checkNothingAbove, checkNothingRemains, destroyStack, removeRuns } from './destroy';
import { checkDisk, checkMachine, checkTerraform, NEEDS } from './doctor';
import { Docker, LABEL } from './docker';
import { buildImages, ownImages, pushImages } from './images';
import { checkForeign, findLeftovers, ownLeftovers, removeLeftovers } from './leftovers';
import { lockProject } from './lock';
import { checkPorts } from './ports';
import { lastLines } from './process';
import { duration, Progress } from './progress';
import { findProject, packageRoot, Project } from './project';
import { Session } from './session';
import { StackFile } from './stack-file';
import { showStatus, start, statusTable } from './start';
import {
  buildAirgapImages,
  chooseSupply,
  hasAirgap,
  prepareSupply,
  recordedSupply,
  Supply,
  SupplyKind,
} from './supply';
import { synth } from './synth';
import { train } from './train';

/** The command line. Results go to standard output, progress to standard error. */
export function program(): Command {
  const command = new Command('cdktf-mlops')
    // Inherited by the commands below: none of them may end the process by itself.
    .exitOverride()
    .description('Deploys, trains, releases and looks after an MLOps environment that a cdktf program declares.')
    .version((JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }).version)
    .addHelpText(
      'after',
      `
Exit codes: 0 done, or nothing to do; 1 failed, or something is not healthy; 2 plan only: there are changes;
3 the machine lacks something (Docker, Terraform, disk, a port); 130 interrupted. 'train' ends as its run did.
Set DEBUG=1 to see stack traces.`,
    );

  command
    .command('start')
    .argument('[environment]', 'name of the environment', 'staging')
    .option('--models <file>', 'how the versions of each model are trained', 'examples/models/models.json')
    .description('from nothing to a served model: deploy, train what the release lacks, release, ask for predictions')
    .action(async (environment: string, options: { models: string }) => {
      const session = await prepare(`start ${environment}`, [environment, `${environment}-models`]);
      const models = resolve(session.project.root, options.models);
      const changed = await start(session, { environment, models });
      const table = await showStatus(session, environment);
      const took = duration(session.progress.elapsedMs);
      print(`\n${table}\n\n${changed ? `${environment} is up` : `${environment} is up, nothing to change`} (${took}).`);
    });

  command
    .command('doctor')
    .description('see whether this machine has what a deploy needs, and mend what can be mended')
    .action(async () => {
      const progress = new Progress();
      const project = findProject(process.cwd());
      const docker = new Docker();
      await checkMachine(progress, docker);
      const supply = recordedSupply(project);
      progress.say(`Supply: ${supply?.supply ?? 'not chosen yet; the first deploy does it'}`);
      await synth(project, supply, progress);
      const stacks = StackFile.names(project).map((name) => StackFile.get(project, name));
      await checkOwner(new Session(project, progress, supply), stacks);
      await progress.step('Ports', async (step) => {
        await checkPorts(stacks, docker);
        step.outcome = `${stacks.flatMap((stack) => stack.publishedPorts()).length} wanted, none taken by others`;
      });
      print('This machine has what a deploy needs.');
    });

  command
    .command('supply')
    .argument('<kind>', "'published' (public registries, or your own by context) or 'airgap'", parseSupply)
    .option('--yes', 'choose even though something is deployed')
    .description('choose where images and provider plugins come from')
    .action(async (kind: SupplyKind, options: { yes?: boolean }) => {
      const progress = new Progress();
      const project = findProject(process.cwd());
      lockProject(project, `supply ${kind}`);
      const before = safeRecordedSupply(project);
      if (before !== undefined && before.supply !== kind && options.yes !== true && hasState(project)) {
        throw new CommandError(`something is deployed with the ${before.supply} supply`, {
          remedy:
            'its state names the providers that made it, so another supply cannot manage it: `npm run stop` first. ' +
            'With --yes the choice is changed all the same; `terraform state replace-provider` then translates each state.',
        });
      }
      await chooseSupply(project, kind, progress);
      print(`Supply: ${kind}`);
    });

  command
    .command('deploy')
    .argument('<stack>', 'name of the stack')
    .option('--yes', 'apply without asking')
    .description('plan and apply one stack; explains what fails, clears what a killed apply left behind')
    .action(async (name: string, options: { yes?: boolean }) => {
      const session = await prepare(`deploy ${name}`, [name]);
      const changed = await deployStack(session, StackFile.get(session.project, name), { yes: options.yes ?? false });
      print(changed ? `${name} is deployed.` : `${name}: nothing to change.`);
    });

  command
    .command('plan')
    .argument('<stack>', 'name of the stack')
    .description(
      'show what a deploy would change, as Terraform writes it, and which containers were removed or stopped by hand; ' +
        'ends with 2 when there is something',
    )
    .action(async (name: string) => {
      const progress = new Progress();
      const project = findProject(process.cwd());
      lockProject(project, `plan ${name}`);
      await checkTerraform();
      await new Docker().ping();
      if (recordedSupply(project) === undefined) {
        // A name that there is not is said before anything is asked or built for it.
        await synth(project, undefined, progress);
        StackFile.get(project, name);
      }
      const session = new Session(project, progress, await prepareSupply(project, progress, { record: false }));
      await synth(project, session.supply, progress);
      const stack = StackFile.get(project, name);
      await checkOwner(session, [stack]);
      const terraform = await session.terraform(stack);
      // Also hides the secrets of the state from all that is shown below.
      const lost = await lostContainers(session, stack);
      const result = await terraform.planText();
      print(session.mask.apply(result.stdout));
      if (result.code !== 0 && result.code !== EXIT.CHANGES) {
        throw new CommandError(`terraform plan failed for ${name}`, {
          log: lastLines(session.mask.apply(result.stderr).replace(/[╷│╵]/g, ''), 15),
          remedy: 'mend what the lines above name, then run the same command again.',
        });
      }
      if (lost.length > 0) {
        // Terraform looks at its state here; that the Engine has less it would notice when it applies.
        print(`On the Docker Engine there is less than in the state; a deploy makes it again:\n`);
        print(lost.map((line) => `  ${line}`).join('\n'));
      }
      process.exitCode = lost.length > 0 ? EXIT.CHANGES : result.code;
    });

  command
    .command('destroy')
    .argument('<stack>', 'name of the stack')
    .option('--keep-data', 'keep volumes and generated secrets: a later deploy finds its data')
    .option('--yes', 'destroy without asking')
    .description('destroy one stack, and say what is left')
    .action(async (name: string, options: { keepData?: boolean; yes?: boolean }) => {
      const session = await prepareToDestroy(`destroy ${name}`);
      if (session === undefined) return;
      const stack = StackFile.get(session.project, name);
      const keepData = options.keepData ?? false;
      if (stack.name === stack.environment) {
        await checkNothingAbove(session, stack.environment);
        await removeRuns(session, stack.environment);
      }
      await destroyStack(session, stack, { yes: options.yes ?? false, keepData });
      await checkNothingRemains(
        session,
        [`${LABEL.ENVIRONMENT}=${stack.environment}`, `${LABEL.STACK}=${name}`],
        keepData,
      );
    });

  command
    .command('stop')
    .argument('[environment]', 'name of the environment', 'staging')
    .option('--keep-data', 'keep volumes and generated secrets: a later start finds its data')
    .description('destroy an environment: training runs, release, everything else')
    .action(async (environment: string, options: { keepData?: boolean }) => {
      const session = await prepareToDestroy(`stop ${environment}`);
      if (session === undefined) return;
      const keepData = options.keepData ?? false;
      await removeRuns(session, environment);
      for (const stack of environmentStacks(session, environment).reverse()) {
        await destroyStack(session, stack, { yes: true, keepData });
      }
      await checkNothingRemains(session, [`${LABEL.ENVIRONMENT}=${environment}`], keepData);
    });

  command
    .command('clean')
    .argument('<stack>', 'name of the stack')
    .option(
      '--force',
      "also what may belong to another checkout: everything with the stack's labels outside of the state",
    )
    .option('--data', 'with --force: volumes too')
    .description('remove containers and networks that a killed apply left outside of the state')
    .action(async (name: string, options: { force?: boolean; data?: boolean }) => {
      // What a deploy is making just now is not in the state yet.
      lockProject(findProject(process.cwd()), `clean ${name}`);
      const session = await prepareWith(false);
      const stack = StackFile.get(session.project, name);
      const state = await (await session.terraform(stack)).state();
      const left = await findLeftovers(stack, state, session.docker);
      const { own, foreign } = ownLeftovers(left, await session.ownNetworks(stack.environment));
      const force = options.force ?? false;
      const chosen = force ? { ...left, volumes: (options.data ?? false) ? left.volumes : [] } : own;
      const removed = await removeLeftovers(chosen, session.docker, session.progress);
      if (!force && foreign.length > 0) {
        throw new CommandError(`left alone: ${foreign.map(({ Name }) => Name).join(', ')}`, {
          remedy: 'they may belong to another checkout of this project; when nobody needs them, add --force.',
        });
      }
      print(removed === 0 ? `${name}: nothing is left over.` : `${name}: removed ${removed}.`);
    });

  command
    .command('train')
    .argument('<environment>', 'name of the environment')
    .option('--runner <name>', 'training runner', 'training')
    .requiredOption('--project <directory>', 'MLflow Project')
    .option('--register <model>', 'registered model that gets the new version')
    .option('-P, --param <key=value>', "parameter of the project's entry point", collect, [])
    .option('--wait', 'wait for a free place when the runner is busy')
    .description("train in a runner that a deploy declared; ends with the run's exit code")
    .action(async (environment: string, options: TrainFlags) => {
      const session = await prepareWith(false);
      const result = await train(session.docker, session.progress, {
        environment,
        environments: StackFile.environments(session.project),
        ownNetworks: await session.ownNetworks(environment),
        runner: options.runner,
        project: resolve(options.project),
        register: options.register,
        parameters: options.param,
        wait: options.wait ?? false,
        log: print,
      });
      if (result.report !== undefined) print(JSON.stringify(result.report));
      process.exitCode = result.exitCode;
    });

  command
    .command('status')
    .argument('[environment]', 'name of the environment', 'staging')
    .option('--json', 'as JSON')
    .description('show every component, where it is, and how it is; ends with 1 when one is not healthy')
    .action(async (environment: string, options: { json?: boolean }) => {
      const session = await prepareWith(false);
      checkDeployed(session, environment);
      const statuses = await environmentStatus(session, environment);
      if (statuses.length === 0) throw nothingDeployed(session, environment);
      print(options.json === true ? JSON.stringify(statuses, undefined, 2) : statusTable(environment, statuses));
      if (statuses.some(({ healthy }) => !healthy)) process.exitCode = EXIT.FAILED;
    });

  command
    .command('credentials')
    .argument('<environment>', 'name of the environment')
    .argument('<name>', "what the status table names, for example 'registry'")
    .description('print a user name and a password: the one place that does')
    .action(async (environment: string, name: string) => {
      const session = await prepareWith(false);
      checkDeployed(session, environment);
      const credentials = await credentialOutputs(session, environment);
      if (Object.keys(credentials).length === 0) throw nothingDeployed(session, environment);
      const credential = credentials[name];
      if (credential === undefined) {
        throw new CommandError(`'${environment}' has no credentials '${name}'`, {
          remedy: `use one of: ${Object.keys(credentials).sort().join(', ')}.`,
        });
      }
      print(`username: ${credential.username ?? '(none)'}\npassword: ${credential.password}`);
    });

  command
    .command('images')
    .argument('[key...]', `of the catalog: ${[...ownImages().keys()].join(', ')}`)
    .option('--push <registry>', 'push them there too, for example registry.example.com/ml')
    .description('build our own images')
    .action(async (keys: string[], options: { push?: string }) => {
      const progress = new Progress();
      const docker = new Docker();
      const chosen = keys.length === 0 ? undefined : keys;
      await checkMachine(progress, docker);
      const project = findProject(process.cwd());
      const supply = recordedSupply(project);
      if (supply?.supply === 'airgap' && hasAirgap(project) && options.push === undefined) {
        await buildAirgapImages(project, progress, keys);
        return;
      }
      const built = await buildImages(docker, progress, chosen);
      print(built === 0 ? 'All images are there.' : `Built ${built}.`);
      if (options.push !== undefined) print((await pushImages(docker, progress, options.push, chosen)).join('\n'));
    });

  return command;
}

/** Runs the command line; every end is one message and an exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  // State, plans and the recorded supply hold secrets or paths: nobody else reads them.
  process.umask(0o077);
  try {
    await program()
      .exitOverride()
      .parseAsync([...argv]);
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode;
      return;
    }
    const failure =
      error instanceof CommandError
        ? error
        : new CommandError((error as Error).message ?? String(error), {
            remedy: 'this was not foreseen: run it again with DEBUG=1 and report what it shows.',
            cause: error,
          });
    process.stderr.write(`\n${failure.render()}\n`);
    if (process.env.DEBUG !== undefined) {
      // Stacks only: what else an error carries may hold secrets.
      process.stderr.write(`${failure.cause instanceof Error ? failure.cause.stack : failure.stack}\n`);
    }
    process.exitCode = failure.exitCode;
  }
}

interface TrainFlags {
  readonly runner: string;
  readonly project: string;
  readonly register?: string;
  readonly param: string[];
  readonly wait?: boolean;
}

/** Everything before the first deploy of these stacks: machine, supply, synth, ports, images. */
async function prepare(command: string, stackNames: readonly string[]): Promise<Session> {
  lockProject(findProject(process.cwd()), command);
  const session = await prepareWith(true);
  const { project, docker } = session;
  StackFile.get(project, stackNames[0]);
  const stacks = stackNames.flatMap((name) => StackFile.find(project, name) ?? []);
  // Before the ports, which the other checkout's environment has, and before images are built for nothing.
  await checkOwner(session, stacks);
  await checkPorts(stacks, docker);
  await ensureImages(session, stacks);
  return session;
}

/**
 * The machine, the supply and a synth for what changes something; for what only looks, the recorded supply and the last
 * synth, which a deploy that is under way may be reading.
 */
async function prepareWith(choose: boolean): Promise<Session> {
  const progress = new Progress();
  const project = findProject(process.cwd());
  const docker = new Docker();
  if (choose) await checkMachine(progress, docker);
  if (!choose) {
    const recorded = recordedSupply(project);
    if (StackFile.names(project).length === 0) {
      await synth(project, recorded, progress);
    }
    return new Session(project, progress, recorded);
  }
  const supply = await prepareSupply(project, progress);
  await synth(project, supply, progress);
  return new Session(project, progress, supply);
}

/**
 * Sees without Terraform, which would ask for its plugins first, that an environment was never deployed from here.
 *
 * @throws CommandError when it was not
 */
function checkDeployed(session: Session, environment: string): void {
  const stacks = environmentStacks(session, environment);
  if (stacks.length > 0 && !stacks.some((stack) => stack.mayHaveState)) throw nothingDeployed(session, environment);
}

function nothingDeployed(session: Session, environment: string): CommandError {
  const known = StackFile.environments(session.project);
  if (!known.includes(environment)) {
    return new CommandError(`there is no environment '${environment}'`, {
      remedy: `use one of: ${known.join(', ') || '(the program declares none)'}.`,
    });
  }
  return new CommandError(`nothing of '${environment}' is deployed`, { remedy: 'deploy it: `npm start`.' });
}

/** Undefined, and said, when nothing was ever deployed from here. */
async function prepareToDestroy(command: string): Promise<Session | undefined> {
  const progress = new Progress();
  const project = findProject(process.cwd());
  if (recordedSupply(project) === undefined && !hasState(project)) {
    print('Nothing is deployed from here.');
    return undefined;
  }
  lockProject(project, command);
  await checkMachine(progress, new Docker());
  const supply = await prepareSupply(project, progress);
  try {
    await synth(project, supply, progress);
  } catch (error) {
    // A program that is broken just now must not keep what it once deployed alive.
    if (StackFile.names(project).length === 0) throw error;
    progress.say(`  the program does not synthesise now (${reason(error)}): going by its last output`);
  }
  return new Session(project, progress, supply);
}

/**
 * Sees that what the Engine has of these stacks is this project's.
 *
 * @throws CommandError when it may be another checkout's
 */
async function checkOwner(session: Session, stacks: readonly StackFile[]): Promise<void> {
  for (const stack of stacks) {
    const own = await session.ownNetworks(stack.environment);
    await checkForeign(stack, await session.state(stack), own, session.docker);
  }
}

/** Sees that the images that these stacks use and that are built here are there. */
async function ensureImages(session: Session, stacks: readonly StackFile[]): Promise<void> {
  const { project, progress, docker, supply } = session;
  const used = new Set(stacks.flatMap((stack) => stack.ofType('docker_image').map(({ name }) => name)));
  const airgapped = supply?.supply === 'airgap' && hasAirgap(project);
  const built = airgapped ? Object.entries(supply.context[IMAGES_CONTEXT] as Record<string, string>) : [...ownImages()];
  const wanted = built.filter(([, reference]) => used.has(reference));
  const present = await Promise.all(wanted.map(([, reference]) => docker.imageId(reference)));
  const missing = wanted.filter((_image, index) => present[index] === undefined).map(([key]) => key);
  if (missing.length > 0) {
    await checkDisk(docker, NEEDS.freshDiskGb, (line) => progress.line(line));
  }
  if (!airgapped) {
    await buildImages(
      docker,
      progress,
      wanted.map(([key]) => key),
    );
  } else if (missing.length > 0) {
    await buildAirgapImages(project, progress, missing);
  }
}

/** Whether a local state holds anything. */
function hasState(project: Project): boolean {
  const directory = join(project.dataDir, 'state');
  if (!existsSync(directory)) return false;
  return readdirSync(directory)
    .filter((file) => file.endsWith('.tfstate'))
    .some((file) => /"type":/.test(readFileSync(join(directory, file), 'utf8')));
}

function safeRecordedSupply(project: Project): Supply | undefined {
  try {
    return recordedSupply(project);
  } catch {
    return undefined;
  }
}

/** What an error says, in one line. */
function reason(error: unknown): string {
  const log = error instanceof CommandError ? error.log : [];
  return [(error as Error).message, ...log.map((line) => line.trim())].join(' ');
}

function parseSupply(text: string): SupplyKind {
  if (text === 'published' || text === 'airgap') return text;
  throw new InvalidArgumentError("use 'published' or 'airgap'.");
}

function collect(value: string, values: string[]): string[] {
  return [...values, value];
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

if (require.main === module) void main(process.argv);
