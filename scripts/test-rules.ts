import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Image } from '../lib/core';
import { fakeStack } from '../test/support/fake-platform';
import { renderWatched, watchedCluster, watchedEnvironment } from '../test/support/watched-environment';
import { root } from './lib/freshness';

/**
 * `npm run test:rules`: Prometheus' and Alertmanager's own tools check the configuration of a whole environment, on
 * Docker and in a cluster, and run the rules' unit tests of test/monitoring/rules; those of a cluster's own rules are in
 * kubernetes/ there. The tools come from the images that the environment runs, with
 * `docker run`; the image's references are those of the recorded supply, or else the published ones.
 */
const tests = join(root, 'test/monitoring/rules');

const directory = mkdtempSync(join(tmpdir(), 'cdktf-mlops-rules-'));
let failed = false;
try {
  for (const [name, environment] of [
    ['docker', watchedEnvironment()],
    ['kubernetes', watchedCluster()],
  ] as const) {
    for (const [path, content] of Object.entries(renderWatched(environment, `/tmp/check/${name}`))) {
      const target = join(directory, name, path);
      mkdirSync(join(target, '..'), { recursive: true });
      writeFileSync(target, content);
    }
  }
  cpSync(tests, join(directory, 'tests'), { recursive: true });
  const unitTests = readdirSync(tests, { encoding: 'utf8', recursive: true })
    .filter((name) => name.endsWith('.test.yaml'))
    .map((name) => `/check/tests/${name}`);
  for (const name of ['docker', 'kubernetes']) {
    tool('prometheus', 'promtool', ['check', 'config', `/check/${name}/etc/prometheus/prometheus.yml`]);
  }
  tool('prometheus', 'promtool', ['test', 'rules', ...unitTests]);
  tool('alertmanager', 'amtool', ['check-config', '/check/docker/etc/alertmanager/alertmanager.yml']);
  tool('blackbox-exporter', 'blackbox_exporter', [
    '--config.check',
    '--config.file=/check/docker/etc/blackbox_exporter/config.yml',
  ]);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
console.log(failed ? '\nrules: FAILED' : '\nrules: passed');
process.exitCode = failed ? 1 : 0;

/** Runs a tool in the image of a catalog entry. The files come in on a pipe: the Engine may be elsewhere. */
function tool(key: string, name: string, args: readonly string[]): void {
  const image = reference(key);
  console.log(`\n$ ${name} ${args.join(' ')}   (in ${image})`);
  const script = `mkdir -p /tmp/check && cd /tmp/check && tar xf - && exec ${name} "$@"`;
  const archive = spawnSync('tar', ['cf', '-', '-C', directory, '.'], { maxBuffer: 64 * 1024 * 1024 });
  const result = spawnSync(
    'docker',
    [
      'run',
      '--rm',
      '--interactive',
      '--network=none',
      '--entrypoint=sh',
      image,
      '-c',
      script,
      name,
      ...args.map((arg) => arg.replaceAll('/check/', '/tmp/check/')),
    ],
    { input: archive.stdout, stdio: ['pipe', 'inherit', 'inherit'] },
  );
  if (result.error !== undefined) throw new Error(`docker can't be run: ${result.error.message}`);
  if (result.status !== 0) {
    failed = true;
    if (result.status === 125) console.error(`The image ${image} can't be run: is it built or pulled?`);
  }
}

/** The image that the recorded supply has for a catalog entry. */
function reference(key: string): string {
  const file = join(root, '.cdktf-mlops/supply.json');
  const context = existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as { context?: Record<string, unknown> }).context
    : undefined;
  return Image.fromCatalog(key).resolve(fakeStack(context).stack);
}
