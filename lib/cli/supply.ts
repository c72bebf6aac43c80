import { existsSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { IMAGES_CONTEXT, MIRROR_CONTEXT } from '../core/image';
import { PROVIDERS_CONTEXT } from '../core/providers';
import { CommandError, EXIT } from './command-error';
import { ownImages } from './images';
import { lastLines, run, which } from './process';
import { Progress } from './progress';
import { ensureDataDir, Project } from './project';

/** Context key: references in a registry, by the local ones that they stand for. */
export const PUSHED_IMAGES_CONTEXT = 'cdktf-mlops:pushedImages';

/** Where images and providers come from. */
export type SupplyKind = 'published' | 'airgap';

/** The recorded choice. */
export interface Supply {
  readonly supply: SupplyKind;
  /** What synth gets to know of it, as cdktf context. */
  readonly context: Record<string, unknown>;
  /** Terraform's CLI configuration file, where one is needed. */
  readonly terraformRc?: string;
}

/** How a choice is made. */
export interface SupplyOptions {
  /** Write it down; what only looks does not. @default true */
  readonly record?: boolean;
  /** Whether a stack on Kubernetes is handled: its provider plugin takes long to build. @default false */
  readonly kubernetes?: boolean;
}

const REGISTRIES = [
  { name: 'registry.terraform.io', url: 'https://registry.terraform.io/.well-known/terraform.json', expect: [200] },
  { name: 'registry-1.docker.io', url: 'https://registry-1.docker.io/v2/', expect: [200, 401] },
  // cAdvisor's and the PostgreSQL exporter's images are there only.
  { name: 'gcr.io', url: 'https://gcr.io/v2/', expect: [200, 401] },
  { name: 'quay.io', url: 'https://quay.io/v2/', expect: [200, 401] },
];

/** The choice that an earlier deploy recorded, or undefined. */
export function recordedSupply(project: Project): Supply | undefined {
  const file = join(project.dataDir, 'supply.json');
  if (!existsSync(file)) return undefined;
  try {
    const supply = JSON.parse(readFileSync(file, 'utf8')) as Supply;
    if (supply.supply === 'published' || supply.supply === 'airgap') {
      return { ...supply, context: supply.context ?? {} };
    }
  } catch {
    // said below
  }
  throw new CommandError(`${file} can't be read`, {
    remedy: `choose again: \`cdktf-mlops supply published\`${hasAirgap(project) ? ' or `cdktf-mlops supply airgap`' : ''}.`,
  });
}

/** Pushed references by the local ones that they stand for. */
export function pushedImages(supply: Supply | undefined): Record<string, string> {
  return (supply?.context[PUSHED_IMAGES_CONTEXT] ?? {}) as Record<string, string>;
}

/** References of the images that are built here, by their catalog keys: no cluster can pull them. */
export function localImages(supply: Supply | undefined): Map<string, string> {
  const airgapped = (supply?.context[IMAGES_CONTEXT] ?? {}) as Record<string, string>;
  return supply?.supply === 'airgap' ? new Map(Object.entries(airgapped)) : ownImages();
}

/** Writes the choice down, in one step. */
export function recordSupply(project: Project, supply: Supply): void {
  const file = join(ensureDataDir(project), 'supply.json');
  writeFileSync(`${file}.part`, `${JSON.stringify(supply, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.part`, file);
}

/** Whether the project can be supplied without registries. */
export function hasAirgap(project: Project): boolean {
  return ['images', 'providers'].every((part) => existsSync(join(project.root, 'airgap', part, 'build.sh')));
}

/** Names of the public registries that do not answer within five seconds; all are asked at once. */
export async function silentRegistries(): Promise<string[]> {
  const answers = await Promise.all(
    REGISTRIES.map(async (registry) => registry.expect.includes(await status(registry.url))),
  );
  return REGISTRIES.filter((_registry, index) => !answers[index]).map((registry) => registry.name);
}

/**
 * The recorded supply; at the first deploy the choice is made, said and recorded. An air-gapped supply is brought up to
 * date with its sources: plugins built, references renewed. Images are built by {@link ensureAirgapImages}.
 */
export async function prepareSupply(
  project: Project,
  progress: Progress,
  options: SupplyOptions = {},
): Promise<Supply> {
  const recorded = recordedSupply(project);
  if (recorded !== undefined) {
    return recorded.supply === 'airgap' && hasAirgap(project)
      ? refreshAirgap(project, progress, recorded, options)
      : recorded;
  }
  if (
    PROVIDERS_CONTEXT in project.context &&
    (MIRROR_CONTEXT in project.context || IMAGES_CONTEXT in project.context)
  ) {
    progress.say('Supply: providers and images come from where the context of cdktf.json says');
    return chooseSupply(project, 'published', progress, options);
  }
  const silent = await progress.step('First deploy: asking whether the registries answer', async (step) => {
    const names = await silentRegistries();
    step.outcome = names.length === 0 ? 'all answer' : `no answer from ${names.join(', ')}`;
    return names;
  });
  if (silent.length > 0 && hasAirgap(project)) {
    progress.say(
      [
        '',
        `  ${silent.join(', ')} can't be reached from here: this project is deployed AIR-GAPPED.`,
        '  Images of the same software are built from distribution packages, and the provider plugins from airgap/providers.',
        '  Jenkins and Grafana are not to be had that way: stand-ins answer in their places, and say so.',
        options.record === false
          ? '  The choice is recorded by the first deploy; `cdktf-mlops supply published` makes another one.'
          : '  The choice is recorded in .cdktf-mlops/supply.json; `cdktf-mlops supply published` changes it.',
        '',
      ].join('\n'),
    );
    return chooseSupply(project, 'airgap', progress, options);
  }
  if (silent.length > 0) {
    progress.say(
      `  ${silent.join(', ')} can't be reached, and there is no airgap/ here: going on with the published ones.`,
    );
  }
  return chooseSupply(project, 'published', progress, options);
}

/** Makes and records a choice. */
export async function chooseSupply(
  project: Project,
  kind: SupplyKind,
  progress: Progress,
  options: SupplyOptions = {},
): Promise<Supply> {
  if (kind === 'airgap') {
    if (!hasAirgap(project)) {
      throw new CommandError(`${project.root} has no airgap/ to supply it from`, {
        remedy: 'take the published supply, or name your own images and providers in the context of cdktf.json.',
      });
    }
    return refreshAirgap(project, progress, undefined, options);
  }
  const supply: Supply = { supply: 'published', context: {} };
  if (options.record ?? true) recordSupply(project, supply);
  return supply;
}

/** Builds air-gapped images, by their catalog keys. */
export async function buildAirgapImages(project: Project, progress: Progress, keys: readonly string[]): Promise<void> {
  const script = join(project.root, 'airgap', 'images', 'build.sh');
  await progress.step('Building images from packages', async (step) => {
    let failed = false;
    const result = await run(script, keys, {
      cwd: project.root,
      umask: 0o022,
      onLine: (line) => {
        // How it failed is told at the end, once.
        failed = failed || line.startsWith('error:');
        if (!failed && line.trim() !== '') {
          step.line(line);
        }
      },
      onInterrupt: () => step.line('stopping the builds'),
    });
    failedScript('an image could not be built', result);
  });
}

/** Renewed when the sources in airgap/ are others than at the last deploy. */
async function refreshAirgap(
  project: Project,
  progress: Progress,
  before: Supply | undefined,
  choice: SupplyOptions,
): Promise<Supply> {
  const providers = join(project.root, 'airgap', 'providers', 'build.sh');
  const options = { cwd: project.root, umask: 0o022 };
  const known = (before?.context[PROVIDERS_CONTEXT] ?? {}) as Record<string, unknown>;
  // Once it was wanted it stays: what synth is told must not change with the stack that is handled.
  const kubernetes = choice.kubernetes === true || known.kubernetes !== undefined;
  const mirror = await progress.step('Provider plugins', async (step) => {
    const result = await run(providers, kubernetes ? ['kubernetes'] : [], {
      ...options,
      onLine: (line, stream) => void (stream === 'stderr' && step.line(line)),
    });
    failedScript('the provider plugins could not be built', result);
    return lastLines(result.stdout, 1)[0];
  });
  const printed = await run(join(project.root, 'airgap', 'images', 'build.sh'), ['--print-context'], options);
  failedScript("the images' references could not be computed", printed);
  const images = JSON.parse(printed.stdout) as Record<string, string>;
  const pushed = stillPushed(before, images);
  const plugins = join(mirror, 'airgap.local', 'cdktf-mlops');
  const supply: Supply = {
    supply: 'airgap',
    context: {
      [PROVIDERS_CONTEXT]: Object.fromEntries(
        readdirSync(plugins)
          .sort()
          .map((name) => [
            name,
            { source: `airgap.local/cdktf-mlops/${name}`, version: readdirSync(join(plugins, name))[0] },
          ]),
      ),
      [IMAGES_CONTEXT]: images,
      ...(Object.keys(pushed).length === 0 ? {} : { [PUSHED_IMAGES_CONTEXT]: pushed }),
    },
    terraformRc: join(dirname(mirror), 'terraform.rc'),
  };
  if (JSON.stringify(supply) !== JSON.stringify(before)) {
    if (before !== undefined) {
      progress.say('  The sources in airgap/ have changed: images and plugins of the new ones are used.');
    }
    if (choice.record ?? true) recordSupply(project, supply);
  }
  return supply;
}

/** What was pushed of the images that there are now: a reference names the sources that an image was built from. */
function stillPushed(before: Supply | undefined, images: Record<string, string>): Record<string, string> {
  const current = new Set([...Object.values(images), ...ownImages().values()]);
  return Object.fromEntries(Object.entries(pushedImages(before)).filter(([reference]) => current.has(reference)));
}

/** A script of airgap/ explains itself in an `error:` part; its lines and remedy become ours. */
function failedScript(
  message: string,
  result: { readonly code: number; readonly stdout: string; readonly stderr: string },
): void {
  if (result.code === 0) return;
  if (result.code === EXIT.INTERRUPTED) {
    throw new CommandError('interrupted', {
      remedy: 'run the same command again: it goes on where it stopped.',
      exitCode: EXIT.INTERRUPTED,
    });
  }
  const lines = lastLines(`${result.stdout}\n${result.stderr}`, 25);
  const begin = lines.findIndex((line) => line.startsWith('error:'));
  const told = begin < 0 ? lines.slice(-15) : lines.slice(begin);
  const remedy = told.find((line) => /^\s*remedy:/.test(line));
  throw new CommandError(message, {
    log: told.filter((line) => line !== remedy).map((line) => line.replace(/^ {2}\| /, '')),
    remedy: remedy?.replace(/^\s*remedy:\s*/, '') ?? 'mend what the lines above name, then run the same command again.',
  });
}

async function status(url: string): Promise<number> {
  const proxy = process.env.HTTPS_PROXY ?? process.env.https_proxy;
  try {
    // fetch knows of no proxies in Node 20.
    if (proxy !== undefined && which('curl') !== undefined) {
      const args = ['--silent', '--max-time', '5', '--output', '/dev/null', '--write-out', '%{http_code}', url];
      return Number((await run('curl', args, { timeoutMs: 6_000 })).stdout);
    }
    return (await fetch(url, { signal: AbortSignal.timeout(5_000) })).status;
  } catch {
    return 0;
  }
}
