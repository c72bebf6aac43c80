import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { IMAGE_CATALOG } from '../core/image-catalog';
import { CommandError } from './command-error';
import { Docker } from './docker';
import { lastLines } from './process';
import { Progress } from './progress';
import { packageRoot } from './project';

/** Label that tells from which sources an image was built. */
const SOURCES = 'cdktf-mlops.sources';

/** Catalog keys of the images that this package builds itself, with the reference of each. */
export function ownImages(): Map<string, string> {
  return new Map(
    Object.entries(IMAGE_CATALOG).flatMap(([key, entry]) => (entry.own === undefined ? [] : [[key, entry.own]])),
  );
}

/**
 * Builds our own images; one that was built from the same sources already is kept. Returns how many were built.
 *
 * @param keys catalog keys; undefined for all
 * @throws CommandError when a key is unknown, or a build fails
 */
export async function buildImages(docker: Docker, progress: Progress, keys?: readonly string[]): Promise<number> {
  const own = ownImages();
  for (const key of keys ?? []) {
    if (!own.has(key)) {
      throw new CommandError(`'${key}' is no image that is built here`, {
        remedy: `use: ${[...own.keys()].join(', ')}.`,
      });
    }
  }
  // A client that would use BuildKit and lacks the plugin for it does not build at all.
  const builder = (await docker.run(['buildx', 'version'])).code === 0 ? {} : { DOCKER_BUILDKIT: '0' };
  let built = 0;
  for (const [key, reference] of own) {
    if (keys !== undefined && !keys.includes(key)) continue;
    const context = join(packageRoot(), 'images', key);
    if (!existsSync(join(context, 'Dockerfile'))) {
      throw new CommandError(`there is no ${context}/Dockerfile to build '${key}' from`);
    }
    const sources = hashOf(context);
    const present = await docker.run([
      'image',
      'inspect',
      '--format',
      `{{index .Config.Labels "${SOURCES}"}}`,
      reference,
    ]);
    if (present.code === 0 && present.stdout.trim() === sources) continue;
    built += 1;
    await progress.step(`Building the image ${reference}`, async (step) => {
      const result = await docker.run(['build', '--tag', reference, '--label', `${SOURCES}=${sources}`, context], {
        umask: 0o022,
        env: builder,
        onLine: (line) => {
          if (/^(Step \d+\/\d+|#\d+ \[)/.test(line)) step.line(line);
        },
      });
      if (result.code === 0) return;
      throw new CommandError(`the image ${reference} could not be built`, {
        log: lastLines(`${result.stdout}\n${result.stderr}`, 15),
        remedy:
          'mend what the log names (its base image and packages come from public registries), then run it again; or name ' +
          `a ready image in the context 'cdktf-mlops:images' under the key '${key}'.`,
      });
    });
  }
  return built;
}

/**
 * Tags images for a registry and pushes them; what is there already is only looked at. Returns the references there, by
 * digest, by the local ones.
 *
 * @param registry host and prefix, for example `registry.example.com/ml`
 */
export async function pushImages(
  docker: Docker,
  progress: Progress,
  registry: string,
  references: readonly string[],
): Promise<Record<string, string>> {
  const prefix = registry.replace(/\/+$/, '');
  const pushed: Record<string, string> = {};
  for (const reference of references) {
    const target = `${prefix}/${reference}`;
    await progress.step(`Pushing ${target}`, async (step) => {
      await docker.out(['tag', reference, target], {
        remedy: 'build it first: `cdktf-mlops images`; `docker image ls` shows which are there.',
      });
      const result = await docker.run(['push', target]);
      if (result.code !== 0) throw pushFailure(target, `${result.stdout}\n${result.stderr}`);
      const digest = /digest: (sha256:[0-9a-f]{64})/.exec(result.stdout)?.[1];
      if (digest === undefined) {
        throw new CommandError(`the push of ${target} told no digest`, { log: lastLines(result.stdout, 5) });
      }
      if (!/: Pushed/.test(result.stdout)) step.outcome = 'was there';
      pushed[reference] = `${target}@${digest}`;
    });
  }
  return pushed;
}

function pushFailure(target: string, output: string): CommandError {
  const host = target.split('/')[0];
  const silent = /connection refused|no such host|i\/o timeout|Client\.Timeout|no route to host|dial tcp/i.test(output);
  const plain = /server gave HTTP response to HTTPS client/i.test(output);
  return new CommandError(`${target} could not be pushed`, {
    log: lastLines(output, 10),
    remedy: plain
      ? `the registry speaks HTTP: name ${host} in 'insecure-registries' of the Docker Engine, or give it a certificate.`
      : silent
        ? `${host} does not answer: see that the name is right and that the registry runs.`
        : `see that you are logged in and may push there: \`docker login ${host}\`.`,
  });
}

function hashOf(directory: string): string {
  const hash = createHash('sha256');
  const files = (readdirSync(directory, { recursive: true }) as string[]).map((file) => join(directory, file));
  for (const file of files.filter((path) => statSync(path).isFile() && !path.includes('__pycache__')).sort()) {
    hash
      .update(`${relative(directory, file)}\0${(statSync(file).mode & 0o111) === 0 ? '-' : 'x'}\0`)
      .update(readFileSync(file));
  }
  return hash.digest('hex').slice(0, 16);
}
