import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CommandError } from './command-error';
import { ComponentStatus, componentOutputs, credentialOutputs, environmentStatus, isPublished } from './components';
import { deployStack } from './deploy';
import { LABEL, label } from './docker';
import { heldOutRows, predict } from './predict';
import { readJson } from './project';
import { RegistryClient } from './registry-client';
import { Session } from './session';
import { StackFile } from './stack-file';
import { renderTable } from './table';
import { train } from './train';

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
  const table = renderTable(
    ['COMPONENT', 'URL', 'HEALTH', 'RESTARTS', 'CREDENTIALS'],
    statuses.map((status) => [
      status.component,
      status.url ?? '-',
      status.health,
      String(status.restarts),
      status.credentials ?? '-',
    ]),
  );
  // In the project itself the command has no link of its own.
  const command = process.env.npm_package_name === 'cdktf-mlops' ? 'npm run -s cdktf-mlops --' : 'npx cdktf-mlops';
  return statuses.some(({ credentials }) => credentials !== undefined)
    ? `${table}\n\nCredentials are shown by: ${command} credentials ${environment} <name>`
    : table;
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
    remedy: `\`cdktf-mlops deploy ${environment} --yes\` repairs what is missing or stopped; \`docker logs <container>\` tells why it was.`,
  });
}

async function trainMissing(
  session: Session,
  options: StartOptions,
  release: ReleaseFile,
  recipes: Record<string, ModelRecipe>,
): Promise<boolean> {
  const registry = await registryOf(session, options.environment);
  let trained = false;
  for (const [model, { versions }] of Object.entries(release.models)) {
    const wanted = Math.max(0, ...versions.map(({ version }) => version));
    const present = await registry.versions(model);
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
      const result = await train(session.docker, session.progress, {
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

async function registryOf(session: Session, environment: string): Promise<RegistryClient> {
  const registry = (await componentOutputs(session, environment)).find(({ name }) => name === 'registry');
  const credential = (await credentialOutputs(session, environment)).registry;
  if (registry?.url === undefined || credential === undefined) {
    throw new CommandError(`the outputs of '${environment}' name no registry with credentials`, {
      remedy: "declare the outputs 'components' and 'credentials' in the stack, as stacks/ shows.",
    });
  }
  if (!isPublished(registry, environment)) {
    throw new CommandError(`the registry of '${environment}' is reached from inside of the environment only`, {
      remedy:
        "give it a port (registry: { port: 5000 }) to have 'start' train what the release lacks; or deploy by " +
        '`cdktf-mlops deploy` and train by `cdktf-mlops train`, which need none.',
    });
  }
  return new RegistryClient(registry.url, credential);
}

async function askGateway(session: Session, environment: string, model: string, project: string): Promise<void> {
  const gateway = (await componentOutputs(session, environment)).find(({ name }) => name === 'gateway');
  const runners = await session.docker.containers(`${LABEL.ENVIRONMENT}=${environment}`, `${LABEL.KIND}=job`);
  const runner = runners.find((container) => label(container, LABEL.COMPONENT) === 'training');
  if (gateway?.url === undefined || runner === undefined || !existsSync(join(project, 'data.py'))) return;
  const url = gateway.url;
  if (!isPublished(gateway, environment)) {
    session.progress.say(`Gateway: without a port of its own it is not asked for '${model}' from here`);
    return;
  }
  const token = (await credentialOutputs(session, environment)).gateway?.password;
  await session.progress.step(`Asking the gateway for rows that '${model}' never saw`, async (step) => {
    const held = await heldOutRows(session.docker, runner.Image, project);
    const result = await predict(url, model, held, token);
    for (const { label: truth, probability } of result.samples) {
      step.line(`true label ${truth}: the model gives it ${(100 * probability).toFixed(1)} %`);
    }
    const accuracy = result.correct / result.rows;
    step.outcome = `${result.correct} of ${result.rows} right (${(100 * accuracy).toFixed(1)} %), answered by version ${result.versions.join(', ')}`;
  });
}

function readRelease(session: Session, environment: string): ReleaseFile {
  const file = join(session.project.root, 'releases', `${environment}.json`);
  if (!existsSync(file)) return { models: {} };
  return readJson(file) as ReleaseFile;
}

function readRecipes(file: string): Record<string, ModelRecipe> {
  return existsSync(file) ? (readJson(file) as Record<string, ModelRecipe>) : {};
}
