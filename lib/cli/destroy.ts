import { CommandError } from './command-error';
import { confirm } from './deploy';
import { explainFailure } from './explain';
import { Platform } from './platform';
import { Session } from './session';
import { StackFile } from './stack-file';
import { TerraformFailure, TerraformState } from './terraform';

/** What {@link destroyStack} takes. */
export interface DestroyOptions {
  readonly yes: boolean;
  /** Keep volumes and generated secrets, so that a later deploy finds its data. */
  readonly keepData: boolean;
}

type StateResource = NonNullable<TerraformState['resources']>[number];

/** What is there and is made again without loss. */
function holdsNoData(platform: Platform, resource: StateResource): boolean {
  return resource.mode !== 'data' && platform.isDisposable(resource.type) && (resource.instances ?? []).length > 0;
}

/** Destroys what a stack's state holds. Returns whether there was anything. */
export async function destroyStack(session: Session, stack: StackFile, options: DestroyOptions): Promise<boolean> {
  const { progress } = session;
  const platform = session.platformOf(stack);
  const terraform = await session.terraform(stack);
  const state = await terraform.state();
  const resources = (state?.resources ?? []).filter((resource) => resource.mode !== 'data');
  const targets = resources
    .filter((resource) => holdsNoData(platform, resource))
    .map((resource) => `${resource.type}.${resource.name}`);
  if (options.keepData ? targets.length === 0 : resources.length === 0) {
    progress.say(`${stack.name}: nothing is deployed`);
    return false;
  }
  if (!options.keepData) checkUnprotected(stack, resources);
  await platform.clearForDestroy(stack, state);
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
    throw await explainFailure(error, stack, session);
  }
}

/**
 * Refuses to destroy what the program protects. Terraform would too, after a plan, and would not say how to go on.
 *
 * @throws CommandError that names it
 */
function checkUnprotected(stack: StackFile, resources: readonly StateResource[]): void {
  const deployed = new Set(resources.map(({ type, name }) => `${type}.${name}`));
  const kept = stack.protectedResources().filter(({ address }) => deployed.has(address));
  if (kept.length === 0) return;
  throw new CommandError(`${stack.name} holds data that is protected from destruction`, {
    log: kept.map(({ address }) => stack.title(address)),
    remedy:
      `\`cdktf-mlops unprotect ${stack.environment}\` takes the protection off; then run the same command again. ` +
      'Or keep the data: `--keep-data`.',
  });
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
  if (!(state?.resources ?? []).some((resource) => holdsNoData(session.platformOf(above), resource))) return;
  throw new CommandError(`${above.name} is deployed into '${environment}'`, {
    remedy: `destroy it first (\`cdktf-mlops destroy ${above.name}\`), or both with \`cdktf-mlops stop ${environment}\`.`,
  });
}

/**
 * Says what is left of a stack or an environment after its end.
 *
 * @param stack undefined for all of the environment
 * @throws CommandError when something is left that nobody asked to keep
 */
export async function checkNothingRemains(
  session: Session,
  environment: string,
  stack: string | undefined,
  keepData: boolean,
): Promise<void> {
  const platform = session.platformOfEnvironment(environment);
  const left = await platform.remains(environment, stack);
  const unwanted = left.filter(({ data }) => !keepData || !data).map(({ name }) => name);
  if (unwanted.length > 0) {
    throw new CommandError(`there is more on ${platform.place}, and this project's state does not know it`, {
      log: unwanted.length > 12 ? [...unwanted.slice(0, 12), `and ${unwanted.length - 12} more`] : unwanted,
      remedy:
        'it may belong to another checkout of the project: then go on there. When nobody needs it: ' +
        `\`cdktf-mlops clean <stack> --force --data\` (deletes the data in the ${platform.dataName}).`,
    });
  }
  if (left.length === 0) session.progress.say(`Nothing is left of it on ${platform.place}.`);
  else session.progress.say(`Kept, as asked: ${left.map(({ name }) => name).join(', ')}`);
}
