import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError } from './command-error';
import { ComponentStatus, componentOutputs, credentialOutputs, environmentStatus } from './components';
import { deployStack } from './deploy';
import { OpenUrl } from './platform';
import { predict, readHeldOutRows } from './predict';
import { readJson } from './project';
import { RegistryClient } from './registry-client';
import { Session } from './session';
import { StackFile } from './stack-file';
import { renderTable } from './table';

/** What {@link start} takes. */
export interface StartOptions {
  readonly environment: string;
  /** File that says how each version of each model is trained. */
  readonly models: string;
}

/** How a model is made: for each version, the parameters of its project. */
interface ModelRecipe {
  /** Directory of the MLflow Project, relative to the file. */
  readonly project: string;
  readonly versions: Record<string, Record<string, string>>;
}

/** The part of `releases/<environment>.json` that is used here. */
interface ReleaseFile {
  readonly models: Record<
    string,
    { readonly versions: ReadonlyArray<{ readonly version: number; readonly share: number }> }
  >;
}

/**
 * From a synthesised environment to a served model: deploys it, trains what its release names and its registry lacks,
 * deploys the release, and asks the gateway for rows that training never saw. Returns whether anything changed.
 */
export async function start(session: Session, options: StartOptions): Promise<boolean> {
  const { environment } = options;
  const stack = StackFile.get(session.project, environment);
  const models = StackFile.find(session.project, `${environment}-models`);
  let changed = await deployStack(session, stack, { yes: true });
  if (models === undefined) return changed;
  const release = readRelease(session, environment);
  const recipes = readRecipes(options.models);
  changed = (await trainMissing(session, options, release, recipes)) || changed;
  changed = (await deployStack(session, models, { yes: true })) || changed;
  for (const model of Object.keys(release.models)) {
    const recipe = recipes[model];
    if (recipe !== undefined) {
      await askGateway(session, environment, model, join(dirname(options.models), recipe.project));
    }
  }
  return changed;
}

/** The table of an environment's components, as it is printed, and how to get at the credentials. */
export function statusTable(environment: string, statuses: readonly ComponentStatus[]): string {
  const hasReplicas = statuses.some(({ desired }) => desired !== undefined);
  const hasStorage = statuses.some(({ storage }) => storage !== undefined);
  const table = renderTable(
    [
      'COMPONENT',
      'URL',
      'HEALTH',
      ...(hasReplicas ? ['READY'] : []),
      'RESTARTS',
      'CREDENTIALS',
      ...(hasStorage ? ['STORAGE'] : []),
    ],
    statuses.map((status) => [
      status.component,
      status.url ?? '-',
      status.health,
      ...(hasReplicas ? [status.desired === undefined ? '-' : `${status.ready}/${status.desired}`] : []),
      String(status.restarts),
      status.credentials ?? '-',
      ...(hasStorage ? [status.storage ?? '-'] : []),
    ]),
  );
  // In the project itself the command has no link of its own.
  const command = process.env.npm_package_name === 'cdktf-mlops' ? 'npm run -s cdktf-mlops --' : 'npx cdktf-mlops';
  const notes = [
    ...(statuses.some(({ credentials }) => credentials !== undefined)
      ? [`Credentials are shown by: ${command} credentials ${environment} <name>`]
      : []),
    // Replicas tell that it runs on a cluster, whose ports are not this machine's.
    ...(hasReplicas && statuses.some(({ url }) => url !== undefined && /\/\/(127\.|localhost)/.test(url))
      ? [`URLs on 127.0.0.1 are opened by: ${command} forward ${environment}`]
      : []),
  ];
  return [table, ...(notes.length === 0 ? [] : ['', ...notes])].join('\n');
}

/** The table at the end, and an error when something in it is not healthy. */
export async function showStatus(session: Session, environment: string): Promise<string> {
  const statuses = await session.progress.step('Asking every component how it is', () =>
    environmentStatus(session, environment),
  );
  const table = statusTable(environment, statuses);
  const unwell = statuses.filter(({ healthy }) => !healthy);
  if (unwell.length === 0) return table;
  throw new CommandError(`${unwell.map(({ component }) => component).join(', ')}: not healthy`, {
    log: table.split('\n'),
    remedy: `\`cdktf-mlops deploy ${environment} --yes\` repairs what is missing or stopped; \`${session.platformOfEnvironment(environment).logCommand('<name>')}\` tells why it was.`,
  });
}

async function trainMissing(
  session: Session,
  options: StartOptions,
  release: ReleaseFile,
  recipes: Record<string, ModelRecipe>,
): Promise<boolean> {
  const platform = session.platformOfEnvironment(options.environment);
  let trained = false;
  for (const [model, { versions }] of Object.entries(release.models)) {
    const wanted = Math.max(0, ...versions.map(({ version }) => version));
    const present = await askRegistry(session, options.environment, (registry) => registry.versions(model));
    const newest = Math.max(0, ...present);
    const gone = versions
      .map(({ version }) => version)
      .filter((version) => version <= newest && !present.includes(version));
    if (gone.length > 0) {
      throw new CommandError(
        `the release names version ${gone.join(', ')} of '${model}', which the registry no longer has`,
        {
          remedy: `name one that it has in releases/${options.environment}.json: ${present.join(', ')}.`,
        },
      );
    }
    // The registry counts versions itself: those up to the wanted one are made in their order.
    for (let version = newest + 1; version <= wanted; version++) {
      const recipe = recipes[model];
      const parameters = recipe?.versions[String(version)];
      if (recipe === undefined || parameters === undefined) {
        throw new CommandError(
          `the registry lacks version ${version} of '${model}', and ${options.models} does not say how it is trained`,
          {
            remedy: `train it: \`cdktf-mlops train ${options.environment} --project <directory> --register ${model}\`.`,
          },
        );
      }
      const result = await platform.train({
        environment: options.environment,
        runner: 'training',
        project: join(dirname(options.models), recipe.project),
        register: model,
        parameters: Object.entries(parameters).map(([key, value]) => `${key}=${value}`),
        wait: true,
        log: (line) => session.progress.line(session.mask.apply(line)),
      });
      if (result.exitCode !== 0) {
        throw new CommandError(`training version ${version} of '${model}' ended with exit code ${result.exitCode}`, {
          remedy: 'its last lines are above; run the same command again when the cause is mended.',
          exitCode: result.exitCode,
        });
      }
      if (result.report?.version !== undefined && result.report.version !== String(version)) {
        throw new CommandError(
          `version ${version} of '${model}' was to be made, and the registry counted ${result.report.version}`,
          {
            remedy: `name that version in releases/${options.environment}.json, or run this again.`,
          },
        );
      }
      trained = true;
    }
  }
  if (!trained) session.progress.say('Models: the registry has every version that is released');
  return trained;
}

/** Asks the model registry, by a way to it that is open as long as that takes. */
async function askRegistry<T>(
  session: Session,
  environment: string,
  ask: (registry: RegistryClient) => Promise<T>,
): Promise<T> {
  const registry = (await componentOutputs(session, environment)).find(({ name }) => name === 'registry');
  const credential = (await credentialOutputs(session, environment)).registry;
  if (registry?.url === undefined || credential === undefined) {
    throw new CommandError(`the outputs of '${environment}' name no registry with credentials`, {
      remedy: "declare the outputs 'components' and 'credentials' in the stack, as stacks/ shows.",
    });
  }
  const opened = await openPatiently(session, environment, registry.url);
  if (opened === undefined) {
    throw new CommandError(`the registry of '${environment}' is reached from inside of the environment only`, {
      remedy:
        "give it a port (registry: { port: 5000 }) to have 'start' train what the release lacks; or deploy by " +
        '`cdktf-mlops deploy` and train by `cdktf-mlops train`, which need none.',
    });
  }
  try {
    return await ask(new RegistryClient(opened.url, credential));
  } finally {
    opened.close();
  }
}

/** What was healthy when it was deployed may be away for a moment. */
async function openPatiently(session: Session, environment: string, url: string): Promise<OpenUrl | undefined> {
  const platform = session.platformOfEnvironment(environment);
  for (let attempt = 1; ; attempt++) {
    try {
      return await platform.open(environment, url);
    } catch (error) {
      if (attempt >= 30) throw error;
      await sleep(2_000);
    }
  }
}

async function askGateway(session: Session, environment: string, model: string, project: string): Promise<void> {
  const gateway = (await componentOutputs(session, environment)).find(({ name }) => name === 'gateway');
  if (gateway?.url === undefined || !existsSync(join(project, 'data.py'))) return;
  const platform = session.platformOfEnvironment(environment);
  const opened = await openPatiently(session, environment, gateway.url);
  if (opened === undefined) {
    session.progress.say(`Gateway: without a port of its own it is not asked for '${model}' from here`);
    return;
  }
  try {
    const token = (await credentialOutputs(session, environment)).gateway?.password;
    await session.progress.step(`Asking the gateway for rows that '${model}' never saw`, async (step) => {
      const held = await readHeldOutRows(project, async (program) => {
        const result = await platform.runProgram(environment, 'training', program);
        return result ?? { code: 1, stdout: '', stderr: `'${environment}' has no training runner 'training'` };
      });
      const result = await predict(opened.url, model, held, token);
      for (const { label: truth, probability } of result.samples) {
        step.line(`true label ${truth}: the model gives it ${(100 * probability).toFixed(1)} %`);
      }
      const accuracy = result.correct / result.rows;
      step.outcome = `${result.correct} of ${result.rows} right (${(100 * accuracy).toFixed(1)} %), answered by version ${result.versions.join(', ')}`;
    });
  } finally {
    opened.close();
  }
}

function readRelease(session: Session, environment: string): ReleaseFile {
  const file = join(session.project.root, 'releases', `${environment}.json`);
  if (!existsSync(file)) return { models: {} };
  return readJson(file) as ReleaseFile;
}

function readRecipes(file: string): Record<string, ModelRecipe> {
  return existsSync(file) ? (readJson(file) as Record<string, ModelRecipe>) : {};
}
