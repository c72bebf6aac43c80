import { LocalBackend, TerraformStack } from 'cdktf';

/**
 * Keeps a stack's state beside what it describes and not in it: in `.cdktf-mlops/state` of the project, as a path
 * relative to the stack's synthesised directory, so that no path of this machine is synthesised.
 */
export function keepState(stack: TerraformStack): void {
  new LocalBackend(stack, { path: `../../../.cdktf-mlops/state/${stack.node.id}.tfstate` });
}
