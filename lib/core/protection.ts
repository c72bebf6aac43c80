import { IConstruct } from 'constructs';

/** Context key: names of environments whose protected volumes may be destroyed, by a step of its own. */
export const UNPROTECTED_CONTEXT = 'cdktf-mlops:unprotected';

/** Whether the protection of an environment's volumes was lifted. */
export function isUnprotected(platform: IConstruct & { readonly environment: string }): boolean {
  const lifted = (platform.node.tryGetContext(UNPROTECTED_CONTEXT) ?? []) as readonly string[];
  return lifted.includes(platform.environment);
}
