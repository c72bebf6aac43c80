import { App, TerraformStack, Testing } from 'cdktf';
import { environmentStack, modelsStack, Stage } from '../../stacks/environment';
import { PRODUCTION } from '../../stacks/production';
import { STAGING } from '../../stacks/staging';
import { SynthesisedStack } from './objects';

/** The shipped environments, all of them in a cluster. */
export const IN_CLUSTER: readonly Stage[] = [STAGING, PRODUCTION].map((stage) => ({
  ...stage,
  platform: 'kubernetes',
}));

/** A stack, and what it synthesises. */
export interface Shipped {
  readonly stack: TerraformStack;
  readonly synthesised: SynthesisedStack;
}

/** Both stacks of an environment: its own, and that of its models. */
export function shipped(stage: Stage, context: Record<string, unknown> = {}): Shipped[] {
  const app = new App({ context });
  environmentStack(app, stage);
  modelsStack(app, stage);
  return app.node.children
    .filter((child) => TerraformStack.isStack(child))
    .map((stack) => ({ stack, synthesised: JSON.parse(Testing.synth(stack)) as SynthesisedStack }));
}
