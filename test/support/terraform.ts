import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const root = join(__dirname, '../..');

/** Where `terraform validate` gets the providers from. */
export interface ProviderSupply {
  /** Context of the program. */
  readonly context: Record<string, unknown>;
  /** Environment of Terraform. */
  readonly env: NodeJS.ProcessEnv;
}

/**
 * The published providers where the Terraform registry answers, else the plugins of airgap/providers, built on first
 * use. A recorded supply decides without asking. The plugin for Kubernetes takes minutes to build: ask for it by its
 * name.
 *
 * @throws with the remedy when Terraform is missing
 */
export function providerSupply(kubernetes?: 'kubernetes'): ProviderSupply {
  requireTerraform();
  if (recordedSupply() !== 'airgap' && (recordedSupply() === 'published' || registryAnswers())) {
    const cache = join(homedir(), '.cache/cdktf-mlops/terraform');
    mkdirSync(cache, { recursive: true });
    return { context: {}, env: { TF_PLUGIN_CACHE_DIR: cache } };
  }
  const build = join(root, 'airgap/providers/build.sh');
  const script = (...args: (string | undefined)[]) =>
    execFileSync('bash', [build, ...args.filter((arg) => arg !== undefined)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    }).trim();
  script(kubernetes);
  const plugin = (name: string, version: string) => [name, { source: `airgap.local/cdktf-mlops/${name}`, version }];
  const common = script('--print-version');
  const providers = Object.fromEntries([
    plugin('docker', common),
    plugin('random', common),
    ...(kubernetes === undefined ? [] : [plugin(kubernetes, script(kubernetes, '--print-version'))]),
  ]) as Record<string, object>;
  return {
    context: { 'cdktf-mlops:providers': providers },
    env: { TF_CLI_CONFIG_FILE: script(kubernetes, '--print-rc') },
  };
}

/** What `terraform validate` says against a synthesised stack; nothing when it is valid. */
export function terraformProblems(directory: string, supply: ProviderSupply): string[] {
  if (!existsSync(join(directory, '.terraform'))) terraform(directory, supply, ['init', '-backend=false', '-no-color']);
  const { diagnostics } = JSON.parse(terraform(directory, supply, ['validate', '-json'])) as {
    diagnostics: { severity: string; summary: string; detail: string }[];
  };
  return diagnostics
    .filter(({ severity }) => severity === 'error')
    .map(({ summary, detail }) => `${summary}: ${detail}`);
}

function terraform(cwd: string, supply: ProviderSupply, args: string[]): string {
  const env = { ...process.env, CHECKPOINT_DISABLE: '1', TF_IN_AUTOMATION: '1', ...supply.env };
  const { stdout, stderr, status } = spawnSync('terraform', args, { cwd, encoding: 'utf8', env, maxBuffer: 2 ** 28 });
  if (status !== 0 && args[0] !== 'validate')
    throw new Error(`terraform ${args.join(' ')} failed:\n${stdout}${stderr}`);
  return stdout;
}

function requireTerraform(): void {
  if (spawnSync('terraform', ['version'], { stdio: 'ignore' }).status === 0) return;
  throw new Error(
    'terraform is not on the PATH; install Terraform 1.11 or newer: https://developer.hashicorp.com/terraform/install',
  );
}

function recordedSupply(): string | undefined {
  const file = join(root, '.cdktf-mlops/supply.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { supply?: string }).supply : undefined;
}

function registryAnswers(): boolean {
  const url = 'https://registry.terraform.io/.well-known/terraform.json';
  return spawnSync('curl', ['--silent', '--fail', '--max-time', '5', '--output', '/dev/null', url]).status === 0;
}
