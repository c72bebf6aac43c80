import { CommandError } from './command-error';
import { confirm } from './deploy';
import { Docker, LABEL } from './docker';
import { explainFailure } from './explain';
import { attachedToOneOf, findLeftovers, ownLeftovers, removeLeftovers } from './leftovers';
import { Session } from './session';
import { StackFile } from './stack-file';
import { hasAirgap } from './supply';
import { TerraformFailure, TerraformState } from './terraform';

/** What {@link destroyStack} takes. */
export interface DestroyOptions {
  readonly yes: boolean;
  /** Keep volumes and generated secrets, so that a later deploy finds its data. */
  readonly keepData: boolean;
}

/** Types that hold no data: they go with `--keep-data` too. */
const WITHOUT_DATA = ['docker_container', 'docker_network'];

type StateResource = NonNullable<TerraformState['resources']>[number];

/** Whether a container or network is there. */
function holdsNoData(resource: StateResource): boolean {
  return resource.mode !== 'data' && WITHOUT_DATA.includes(resource.type) && (resource.instances ?? []).length > 0;
}

/** Destroys what a stack's state holds. Returns whether there was anything. */
export async function destroyStack(session: Session, stack: StackFile, options: DestroyOptions): Promise<boolean> {
  const { progress } = session;
  const terraform = await session.terraform(stack);
  const state = await terraform.state();
  const resources = (state?.resources ?? []).filter((resource) => resource.mode !== 'data');
  const targets = resources.filter(holdsNoData).map((resource) => `${resource.type}.${resource.name}`);
  if (options.keepData ? targets.length === 0 : resources.length === 0) {
    progress.say(`${stack.name}: nothing is deployed`);
    return false;
  }
  const left = await findLeftovers(stack, state, session.docker);
  // A container that the state does not know would hold the network.
  await removeLeftovers(ownLeftovers(left, await session.ownNetworks(stack.environment)).own, session.docker, progress);
  try {
    const plan = await progress.step(`Planning the end of ${stack.name}`, async (step) => {
      const made = await terraform.plan(step, { destroy: true, targets: options.keepData ? targets : undefined });
      step.outcome = `${made.planned.length} to remove`;
      return made;
    });
    if (plan.changes) {
      if (!options.yes) await confirm(session, stack, plan);
      await progress.step(`Destroying ${stack.name}`, (step) => terraform.apply(plan, step));
    }
    return true;
  } catch (error) {
    if (!(error instanceof TerraformFailure)) throw error;
    throw await explainFailure(error, stack, session.docker, session.mask, hasAirgap(session.project));
  }
}

/** Ends the environment's training runs, and removes their containers. */
export async function removeRuns(session: Session, environment: string): Promise<void> {
  const runs = await session.docker.containers(`${LABEL.ENVIRONMENT}=${environment}`, `${LABEL.KIND}=run`);
  if (runs.length === 0) return;
  // The same labels are on the runs of another checkout of this project.
  const own = await session.ownNetworks(environment);
  for (const { Name, Id, State } of runs.filter((run) => attachedToOneOf(run, own))) {
    session.progress.line(`${State.Running ? 'stopping and removing' : 'removing'} the training run ${Name}`);
    if (State.Running) await session.docker.run(['stop', Id]);
    await session.docker.run(['rm', '--force', '--volumes', Id]);
  }
}

/**
 * Refuses to destroy an environment below what another stack deployed into it: its network would be in use.
 *
 * @throws CommandError that names the other stack
 */
export async function checkNothingAbove(session: Session, environment: string): Promise<void> {
  const above = StackFile.find(session.project, `${environment}-models`);
  if (above === undefined) return;
  const state = await (await session.terraform(above)).state();
  // What stays with `--keep-data`, such as images, needs no network.
  if (!(state?.resources ?? []).some(holdsNoData)) return;
  throw new CommandError(`${above.name} is deployed into '${environment}'`, {
    remedy: `destroy it first (\`cdktf-mlops destroy ${above.name}\`), or both with \`cdktf-mlops stop ${environment}\`.`,
  });
}

/** Whether Docker holds anything of an environment, or of one of its stacks. */
export async function remains(docker: Docker, labels: readonly string[]): Promise<string[]> {
  const [containers, networks, volumes] = await Promise.all([
    docker.containers(...labels),
    docker.networks(...labels),
    docker.volumes(...labels),
  ]);
  return [
    ...containers.map(({ Name }) => `container ${Name}`),
    ...networks.map(({ name }) => `network ${name}`),
    ...volumes.map(({ name }) => `volume ${name}`),
  ].sort();
}

/**
 * Says what is left of a stack or an environment after its end.
 *
 * @throws CommandError when something is left that nobody asked to keep
 */
export async function checkNothingRemains(
  session: Session,
  labels: readonly string[],
  keepData: boolean,
): Promise<void> {
  const left = await remains(session.docker, labels);
  const unwanted = left.filter((name) => !keepData || !name.startsWith('volume '));
  if (unwanted.length > 0) {
    throw new CommandError("there is more on this Docker Engine, and this project's state does not know it", {
      log: unwanted.length > 12 ? [...unwanted.slice(0, 12), `and ${unwanted.length - 12} more`] : unwanted,
      remedy:
        'it may belong to another checkout of the project: then go on there. When nobody needs it: ' +
        '`cdktf-mlops clean <stack> --force --data` (deletes the data in the volumes).',
    });
  }
  if (left.length === 0) session.progress.say('Nothing is left: no container, no network, no volume.');
  else session.progress.say(`Kept, as asked: ${left.join(', ')}`);
}
