import { createInterface } from 'node:readline/promises';
import { CommandError, EXIT } from './command-error';
import { explainFailure } from './explain';
import { Session } from './session';
import { StackFile } from './stack-file';
import { Plan, TerraformFailure } from './terraform';

/** What {@link deployStack} takes. */
export interface DeployOptions {
  /** Apply without asking. */
  readonly yes: boolean;
}

/**
 * Plans and applies one synthesised stack; returns whether anything changed. What a killed apply left is
 * cleared away first. A failure is explained in one message.
 *
 * @throws CommandError
 */
export async function deployStack(session: Session, stack: StackFile, options: DeployOptions): Promise<boolean> {
  const { progress } = session;
  const terraform = await session.terraform(stack);
  try {
    const plan = await progress.step(`Planning ${stack.name}`, async (step) => {
      const made = await terraform.plan(step);
      step.outcome = made.changes ? summary(plannedCounts(made)) : 'nothing to change';
      return made;
    });
    // Also hides the secrets of what is there already from all that is shown below.
    const state = await terraform.state();
    if (!plan.changes) return false;
    if (!options.yes) await confirm(session, stack, plan);
    await session.platformOf(stack).clearLeftovers(stack, state);
    await progress.step(`Deploying ${stack.name}`, async (step) => {
      await terraform.apply(plan, step);
      step.outcome = `done (${plan.planned.length} changes)`;
    });
    return true;
  } catch (error) {
    if (!(error instanceof TerraformFailure)) throw error;
    // For the secrets in it, which are not to be shown; what failed is the news, not this.
    await terraform.state().catch(() => undefined);
    throw await explainFailure(error, stack, session);
  }
}

/** Shows what a plan does to each resource, without values. */
export function showPlan(session: Session, stack: StackFile, plan: Plan): void {
  for (const { address, action } of plan.planned) {
    session.progress.line(`${(ACTIONS[action] ?? action).padEnd(8)} ${stack.title(address)}`);
  }
}

/**
 * Asks on the terminal.
 *
 * @throws CommandError when there is no terminal, or the answer is no
 */
export async function confirm(session: Session, stack: StackFile, plan: Plan): Promise<void> {
  showPlan(session, stack, plan);
  if (!process.stdin.isTTY) {
    throw new CommandError(`${stack.name} has changes to apply, and there is no terminal to ask on`, {
      remedy: 'look at them with `cdktf-mlops plan`, then apply them with `--yes`.',
    });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(
    `Apply ${summary(plannedCounts(plan))} to ${stack.name}? Only 'yes' is taken: `,
  );
  terminal.close();
  if (answer.trim() !== 'yes') throw new CommandError('not confirmed: nothing was changed', { exitCode: EXIT.FAILED });
}

const ACTIONS: Readonly<Record<string, string>> = { update: 'change', delete: 'remove' };

function plannedCounts(plan: Plan): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { action } of plan.planned) counts[action] = (counts[action] ?? 0) + 1;
  return counts;
}

function summary(counts: Record<string, number>): string {
  const parts = Object.entries(counts).map(([action, count]) => `${count} to ${ACTIONS[action] ?? action}`);
  return parts.length === 0 ? 'outputs to change' : parts.join(', ');
}
