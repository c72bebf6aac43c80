import { TerraformStack } from 'cdktf';
import { check } from './errors';

/** Context key: where Terraform gets a provider from, by its name. */
export const PROVIDERS_CONTEXT = 'cdktf-mlops:providers';

interface ProviderSource {
  readonly source: string;
  readonly version: string;
}

/**
 * Makes a stack take a provider from another address than the published one (a company's private registry, an
 * air-gapped mirror), when the context `cdktf-mlops:providers` says so.
 */
export function overrideProviderSource(stack: TerraformStack, name: string): void {
  const sources = (stack.node.tryGetContext(PROVIDERS_CONTEXT) ?? {}) as Record<string, ProviderSource>;
  const override = sources[name];
  if (override === undefined) return;
  check(
    typeof override.source === 'string' && typeof override.version === 'string',
    `context '${PROVIDERS_CONTEXT}'`,
    name,
    override,
    'give it as { "source": "host/namespace/name", "version": "1.2.3" }',
  );
  stack.addOverride(`terraform.required_providers.${name}`, { source: override.source, version: override.version });
}
