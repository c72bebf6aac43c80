#!/usr/bin/env node
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { addBackupCommands } from './backup';
import { CommandError, EXIT } from './command-error';
import { credentialOutputs, environmentStatus } from './components';
import { deployStack } from './deploy';
import { checkNothingAbove, checkNothingRemains, destroyStack } from './destroy';
import { DockerPlatform } from './docker-platform';
import { checkMachine, checkTerraform, checkTools } from './doctor';
import { buildImages, ownImages, pushImages } from './images';
import { imagesOf } from './kubernetes-objects';
import { KubernetesPlatform } from './kubernetes-platform';
import { lockProject } from './lock';
import { isFree, processOn } from './ports';
import { lastLines } from './process';
import { duration, Progress } from './progress';
import { findProject, packageRoot, Project } from './project';
import { recordProtection, unprotectedEnvironments } from './protection';
import { Session } from './session';
import { StackFile } from './stack-file';
import { showStatus, start, statusTable } from './start';
import {
  buildAirgapImages,
  chooseSupply,
  hasAirgap,
  localImages,
  prepareSupply,
  PUSHED_IMAGES_CONTEXT,
  pushedImages,
  recordedSupply,
  recordSupply,
  Supply,
  SupplyKind,
} from './supply';
import { synth } from './synth';
import { renderTable } from './table';

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
      await checkTools(() => undefined);
      const supply = recordedSupply(project);
      await synth(project, supply, progress);
      const session = new Session(project, progress, supply);
      const stacks = StackFile.names(project).map((name) => StackFile.get(project, name));
      await checkMachine(progress, session.platformsOf(stacks), stacks);
      progress.say(`Supply: ${supply?.supply ?? 'not chosen yet; the first deploy does it'}`);
      await checkOwner(session, stacks);
      await checkDemands(session, stacks);
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
      'show what a deploy would change, as Terraform writes it, and what was removed or stopped by hand; ' +
        'ends with 2 when there is something',
    )
    .action(async (name: string) => {
      const progress = new Progress();
      const project = findProject(process.cwd());
      lockProject(project, `plan ${name}`);
      await checkTerraform();
      const session = await openSession(project, progress, [name], { record: false });
      const stack = StackFile.get(project, name);
      await checkOwner(session, [stack]);
      const terraform = await session.terraform(stack);
      // Also hides the secrets of the state from all that is shown below.
      const platform = session.platformOf(stack);
      const lost = await platform.lost(await terraform.state());
      const result = await terraform.planText();
      print(session.mask.apply(result.stdout));
      if (result.code !== 0 && result.code !== EXIT.CHANGES) {
        throw new CommandError(`terraform plan failed for ${name}`, {
          log: lastLines(session.mask.apply(result.stderr).replace(/[╷│╵]/g, ''), 15),
          remedy: 'mend what the lines above name, then run the same command again.',
        });
      }
      if (lost.length > 0) {
        // Terraform looks at its state here; that there is less it would notice when it applies.
        print(`On ${platform.place} there is less than in the state; a deploy makes it again:\n`);
        print(lost.map((line) => `  ${line}`).join('\n'));
      }
      process.exitCode = lost.length > 0 ? EXIT.CHANGES : result.code;
    });

  command
    .command('destroy')
    .argument('<stack>', 'name of the stack')
    .option('--keep-data', 'keep volumes or claims, and generated secrets: a later deploy finds its data')
    .option('--yes', 'destroy without asking')
    .description('destroy one stack, and say what is left')
    .action(async (name: string, options: { keepData?: boolean; yes?: boolean }) => {
      const session = await prepareToDestroy(`destroy ${name}`, [name]);
      if (session === undefined) return;
      const stack = StackFile.get(session.project, name);
      const keepData = options.keepData ?? false;
      if (stack.name === stack.environment) {
        await checkNothingAbove(session, stack.environment);
        await session.platformOf(stack).removeRuns(stack.environment);
      }
      await destroyStack(session, stack, { yes: options.yes ?? false, keepData });
      await checkNothingRemains(session, stack.environment, name, keepData);
    });

  command
    .command('stop')
    .argument('[environment]', 'name of the environment', 'staging')
    .option('--keep-data', 'keep volumes or claims, and generated secrets: a later start finds its data')
    .description('destroy an environment: training runs, release, everything else')
    .action(async (environment: string, options: { keepData?: boolean }) => {
      const session = await prepareToDestroy(`stop ${environment}`, [environment, `${environment}-models`]);
      if (session === undefined) return;
      const keepData = options.keepData ?? false;
      await session.platformOfEnvironment(environment).removeRuns(environment);
      for (const stack of session.environmentStacks(environment).reverse()) {
        await destroyStack(session, stack, { yes: true, keepData });
      }
      await checkNothingRemains(session, environment, undefined, keepData);
    });

  command
    .command('clean')
    .argument('<stack>', 'name of the stack')
    .option(
      '--force',
      "also what may belong to another checkout: everything with the stack's labels outside of the state",
    )
    .option('--data', 'with --force: volumes and claims too')
    .description('remove what a killed apply left outside of the state')
    .action(async (name: string, options: { force?: boolean; data?: boolean }) => {
      // What a deploy is making just now is not in the state yet.
      lockProject(findProject(process.cwd()), `clean ${name}`);
      const session = await prepareWith();
      const stack = StackFile.get(session.project, name);
      const state = await (await session.terraform(stack)).state();
      const force = options.force ?? false;
      const { removed, leftAlone } = await session
        .platformOf(stack)
        .clean(stack, state, { force, data: options.data ?? false });
      if (leftAlone.length > 0) {
        throw new CommandError(`left alone: ${leftAlone.join(', ')}`, {
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
      const session = await prepareWith();
      const result = await session.platformOfEnvironment(environment).train({
        environment,
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
      const session = await prepareWith();
      checkDeployed(session, environment);
      const statuses = await environmentStatus(session, environment);
      if (statuses.length === 0) throw nothingDeployed(session, environment);
      print(options.json === true ? JSON.stringify(statuses, undefined, 2) : statusTable(environment, statuses));
      sayUnprotected(session, environment);
      if (statuses.some(({ healthy }) => !healthy)) process.exitCode = EXIT.FAILED;
    });

  command
    .command('credentials')
    .argument('<environment>', 'name of the environment')
    .argument('<name>', "what the status table names, for example 'registry'")
    .description('print a user name and a password: the one place that does')
    .action(async (environment: string, name: string) => {
      const session = await prepareWith();
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
    .description('build our own images; pushes all that clusters need and records what was pushed, where asked')
    .action(async (keys: string[], options: { push?: string }) => {
      const progress = new Progress();
      const project = findProject(process.cwd());
      const session = new Session(project, progress, recordedSupply(project));
      await checkMachine(progress, [new DockerPlatform(session)], []);
      const chosen = keys.length === 0 ? undefined : keys;
      if (options.push !== undefined) {
        lockProject(project, 'images --push');
        const pushed = await pushProjectImages(session, options.push, chosen);
        print(
          Object.keys(pushed).length === 0
            ? 'No image has to be pushed: the stacks on Kubernetes use none that is built here.'
            : `Recorded in .cdktf-mlops/supply.json; in cdktf.json it would stand as\n${JSON.stringify({ context: { [PUSHED_IMAGES_CONTEXT]: pushed } }, undefined, 2)}`,
        );
        return;
      }
      if (session.supply?.supply === 'airgap' && hasAirgap(project)) {
        await buildAirgapImages(project, progress, keys);
        return;
      }
      const built = await buildImages(session.docker, progress, chosen);
      print(built === 0 ? 'All images are there.' : `Built ${built}.`);
    });

  command
    .command('forward')
    .argument('<environment>', 'name of the environment, on Kubernetes')
    .description('open the published ports of an environment on Kubernetes on this machine, until interrupted')
    .action(async (environment: string) => {
      const session = await prepareWith();
      checkDeployed(session, environment);
      const platform = session.platformOfEnvironment(environment);
      if (!(platform instanceof KubernetesPlatform)) {
        throw new CommandError(`'${environment}' runs on Docker: its ports are open already`, {
          remedy: `\`cdktf-mlops status ${environment}\` shows where.`,
        });
      }
      await forward(session, platform, environment);
    });

  for (const isProtected of [false, true]) {
    const verb = isProtected ? 'protect' : 'unprotect';
    command
      .command(verb)
      .argument('<environment>', 'name of the environment')
      .option('--yes', 'do not ask')
      .description(
        isProtected
          ? 'protect the data of an environment from destruction again'
          : 'let the data of an environment be destroyed, by `destroy` and `stop`',
      )
      .action(async (environment: string, options: { yes?: boolean }) => {
        const session = await prepareWith(`${verb} ${environment}`);
        await setProtection(session, environment, isProtected, options.yes ?? false);
      });
  }

  addBackupCommands(command, { session: prepareWith, print });

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

/** Everything before the first deploy of these stacks: machine, supply, synth, ports or rights, images. */
async function prepare(command: string, stackNames: readonly string[]): Promise<Session> {
  const project = findProject(process.cwd());
  lockProject(project, command);
  const session = await openSession(project, new Progress(), stackNames, { record: true });
  const stacks = stackNames.flatMap((name) => StackFile.find(project, name) ?? []);
  // Before the ports, which the other checkout's environment has, and before images are built for nothing.
  await checkOwner(session, stacks);
  await checkDemands(session, stacks);
  for (const platform of session.platformsOf(stacks)) {
    await platform.ensureImages(stacks.filter((stack) => session.platformOf(stack) === platform));
  }
  return session;
}

/**
 * Machine, supply and synth for what works on these stacks. A stack that there is not is said first, before a supply is
 * chosen and built for it; and only the platforms that these stacks run on are asked for.
 */
async function openSession(
  project: Project,
  progress: Progress,
  stackNames: readonly string[],
  options: { readonly record: boolean },
): Promise<Session> {
  await checkTools(() => undefined);
  const recorded = recordedSupply(project);
  await synth(project, recorded, progress);
  StackFile.get(project, stackNames[0]);
  const session = new Session(project, progress, recorded);
  const stacks = stackNames.flatMap((name) => StackFile.find(project, name) ?? []);
  const platforms = session.platformsOf(stacks);
  if (options.record) await checkMachine(progress, platforms, stacks);
  else for (const platform of platforms) await platform.ping();
  return withSupply(session, stacks, options.record);
}

/** The session with the supply brought up to date, and synthesised with it. */
async function withSupply(session: Session, stacks: readonly StackFile[], record: boolean): Promise<Session> {
  const { project, progress } = session;
  const kubernetes = stacks.some(({ platform }) => platform === 'kubernetes');
  const supply = await prepareSupply(project, progress, { record, kubernetes });
  if (JSON.stringify(supply.context) !== JSON.stringify(session.supply?.context ?? {})) {
    await synth(project, supply, progress);
  }
  return new Session(project, progress, supply);
}

/**
 * For what only looks: the recorded supply and the last synth, which a deploy that is under way may be reading.
 *
 * @param command what it is, when it changes something: nothing else may then be under way. @default - it only looks
 */
async function prepareWith(command?: string): Promise<Session> {
  const progress = new Progress();
  const project = findProject(process.cwd());
  if (command !== undefined) lockProject(project, command);
  const recorded = recordedSupply(project);
  if (StackFile.names(project).length === 0) await synth(project, recorded, progress);
  return new Session(project, progress, recorded);
}

/**
 * Sees without Terraform, which would ask for its plugins first, that an environment was never deployed from here.
 *
 * @throws CommandError when it was not
 */
function checkDeployed(session: Session, environment: string): void {
  const stacks = session.environmentStacks(environment);
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
async function prepareToDestroy(command: string, stackNames: readonly string[]): Promise<Session | undefined> {
  const progress = new Progress();
  const project = findProject(process.cwd());
  if (recordedSupply(project) === undefined && !hasState(project)) {
    print('Nothing is deployed from here.');
    return undefined;
  }
  lockProject(project, command);
  await checkTools(() => undefined);
  const recorded = recordedSupply(project);
  let isBroken = false;
  try {
    await synth(project, recorded, progress);
  } catch (error) {
    // A program that is broken just now must not keep what it once deployed alive.
    if (StackFile.names(project).length === 0) throw error;
    progress.say(`  the program does not synthesise now (${reason(error)}): going by its last output`);
    isBroken = true;
  }
  const session = new Session(project, progress, recorded);
  const stacks = stackNames.flatMap((name) => StackFile.find(project, name) ?? []);
  await checkMachine(progress, session.platformsOf(stacks), stacks);
  return isBroken
    ? new Session(project, progress, await prepareSupply(project, progress))
    : withSupply(session, stacks, true);
}

/**
 * Sees that what the platforms have of these stacks is this project's.
 *
 * @throws CommandError when it may be another checkout's
 */
async function checkOwner(session: Session, stacks: readonly StackFile[]): Promise<void> {
  for (const stack of stacks) await session.platformOf(stack).checkOwner(stack, await session.state(stack));
}

/** Sees that the platforms have what these stacks demand: free ports on Docker; storage on a cluster. */
async function checkDemands(session: Session, stacks: readonly StackFile[]): Promise<void> {
  await session.progress.step('What the stacks demand', async (step) => {
    const found: string[] = [];
    for (const platform of session.platformsOf(stacks)) {
      found.push(await platform.checkDemands(stacks.filter((stack) => session.platformOf(stack) === platform)));
    }
    step.outcome = found.join('; ');
  });
}

/**
 * Builds and pushes the images that the project's stacks on Kubernetes use and that no cluster could pull; all that are
 * built here where there is no such stack. Records and returns the pushed references, by the local ones.
 */
async function pushProjectImages(
  session: Session,
  registry: string,
  keys: readonly string[] | undefined,
): Promise<Record<string, string>> {
  const { project, progress, docker } = session;
  const supply = await prepareSupply(project, progress);
  const { [PUSHED_IMAGES_CONTEXT]: _pushed, ...context } = supply.context;
  // Without what was pushed before, stacks name the images as they are called here.
  await synth(project, { ...supply, context }, progress);
  const stacks = StackFile.names(project)
    .map((name) => StackFile.get(project, name))
    .filter(({ platform }) => platform === 'kubernetes');
  const used = imagesOf(stacks);
  const local = localImages(supply);
  const unknown = keys?.find((key) => !local.has(key));
  if (unknown !== undefined) {
    throw new CommandError(`'${unknown}' is no image that is built here`, {
      remedy: `use: ${[...local.keys()].join(', ')}.`,
    });
  }
  const wanted = [...local].filter(
    ([key, reference]) => keys?.includes(key) ?? (stacks.length === 0 || used.includes(reference)),
  );
  if (supply.supply === 'airgap') {
    const missing = [];
    for (const [key, reference] of wanted) if ((await docker.imageId(reference)) === undefined) missing.push(key);
    if (missing.length > 0) await buildAirgapImages(project, progress, missing);
  } else {
    await buildImages(
      docker,
      progress,
      wanted.map(([key]) => key),
    );
  }
  const references = wanted.map(([, reference]) => reference);
  const pushed = await pushImages(docker, progress, registry, references);
  const all = { ...pushedImages(supply), ...pushed };
  const recorded = { ...supply, context: { ...context, [PUSHED_IMAGES_CONTEXT]: all } };
  if (references.length > 0) recordSupply(project, recorded);
  await synth(project, recorded, progress);
  return pushed;
}

/** Opens the ports, shows where, and keeps them open until interrupted. */
async function forward(session: Session, platform: KubernetesPlatform, environment: string): Promise<void> {
  const forwards = await platform.forwards(environment);
  if (forwards.length === 0) {
    throw new CommandError(`no component of '${environment}' has a port on this machine`, {
      remedy: 'give it one in the configuration of the environment, such as registry: { port: 5000 }, and deploy it.',
    });
  }
  const taken: string[] = [];
  for (const { address, localPort, service } of forwards) {
    if (await isFree({ ip: address, port: localPort })) continue;
    const owner = (await processOn(localPort)) ?? 'a process that this user may not see';
    taken.push(`${address}:${localPort}, wanted by ${service.metadata.name}, is taken by ${owner}`);
  }
  if (taken.length > 0) {
    throw new CommandError(taken.length === 1 ? 'a port is taken' : `${taken.length} ports are taken`, {
      log: taken,
      remedy: 'stop what has it, or give the component another port in the configuration of the environment.',
      exitCode: EXIT.MACHINE,
    });
  }
  const rows = forwards.map(({ address, localPort, portName, service }) => [
    `${address}:${localPort}`,
    service.metadata.name,
    portName,
  ]);
  print(`${renderTable(['ADDRESS', 'SERVICE', 'PORT'], rows)}\n\nOpen until Ctrl-C.`);
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  process.on('SIGINT', abort).on('SIGTERM', abort);
  try {
    await platform.keepOpen(forwards, stop.signal, (line) => session.progress.line(line));
  } finally {
    process.off('SIGINT', abort).off('SIGTERM', abort);
  }
}

/** Records whether the data of an environment is protected; taking the protection off asks for its name. */
async function setProtection(session: Session, environment: string, isProtected: boolean, yes: boolean): Promise<void> {
  const { project, progress, supply } = session;
  await synth(project, supply, progress);
  const stacks = StackFile.names(project)
    .map((name) => StackFile.get(project, name))
    .filter((stack) => stack.environment === environment);
  if (stacks.length === 0) {
    throw new CommandError(`there is no environment '${environment}'`, {
      remedy: `use one of: ${StackFile.environments(project).join(', ') || '(the program declares none)'}.`,
    });
  }
  if (!isProtected && !unprotectedEnvironments(project).includes(environment)) {
    const losing = stacks.flatMap((stack) => stack.protectedResources().map(({ address }) => stack.title(address)));
    if (losing.length === 0) {
      print(`${environment} protects nothing.`);
      return;
    }
    progress.say(`These lose their protection, and go with the next \`destroy\` or \`stop\` of ${environment}:`);
    for (const title of losing) progress.line(title);
    if (!yes) await askForName(environment);
  }
  const changed = recordProtection(project, environment, isProtected);
  if (changed) await synth(project, supply, progress);
  const state = isProtected ? 'protected' : 'UNPROTECTED';
  print(changed ? `${environment} is ${state} from now on.` : `${environment} is ${state} already.`);
}

async function askForName(environment: string): Promise<void> {
  if (!process.stdin.isTTY) {
    throw new CommandError('there is no terminal to ask on', { remedy: 'say it with `--yes`.' });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question('Type the name of the environment to go on: ');
  terminal.close();
  if (answer.trim() !== environment) throw new CommandError('not confirmed: nothing was changed');
}

function sayUnprotected(session: Session, environment: string): void {
  if (!unprotectedEnvironments(session.project).includes(environment)) return;
  session.progress.say(
    `${environment} is UNPROTECTED: its data goes with a \`destroy\`. \`cdktf-mlops protect ${environment}\` ends that.`,
  );
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
