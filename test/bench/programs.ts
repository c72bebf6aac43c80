import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import { bareProgram, countResources, essence, originalNames, Synthesised } from './bare-program';
import { run } from './measure';

const root = join(__dirname, '../..');

/** Inside of the repository, so that packages are found; ignored by git. */
const directory = join(root, 'node_modules/.cache/cdktf-mlops/bench');

/** The stacks of the environment that is measured. */
const STACKS = ['staging', 'staging-models'] as const;

/** Where it runs. */
export type PlatformName = 'docker' | 'kubernetes';

/** Programs that make the same resources. */
export interface Pair {
  readonly library: string;
  readonly bare: string;
  readonly resources: number;
}

/**
 * None of the programs validates: cdktf starts `terraform version` for each stack then, which takes longer than all the
 * rest and would make any ratio a good one.
 *
 * Writes the program of the staging environment as users of the package have it (compiled, against dist/, with the
 * published providers), and the bare program made from what it synthesises.
 *
 * @throws when the two do not make the same
 */
export function writePair(platform: PlatformName): Pair {
  rmSync(directory, { recursive: true, force: true });
  compileStacks();
  const library = write(
    'library.js',
    `
      const { App } = require('cdktf');
      const { environmentStack, modelsStack } = require('./stacks/environment');
      const { STAGING } = require('./stacks/staging');
      const app = new App({ outdir: process.argv[2], skipValidation: true });
      const stage = { ...STAGING, platform: '${platform}' };
      environmentStack(app, stage);
      modelsStack(app, stage);
      app.synth();
    `,
  );
  const ours = synthesise(library, 'library');
  const bare = write('bare.js', bareProgram(ours));
  const theirs = synthesise(bare, 'bare');
  for (const stack of STACKS) {
    if (essence(ours[stack]) !== essence(theirs[stack], originalNames(theirs[stack]))) {
      throw new Error(`the bare program does not make what the library makes: compare ${directory}/{library,bare}`);
    }
  }
  return { library, bare, resources: STACKS.reduce((sum, stack) => sum + countResources(ours[stack]), 0) };
}

/** A directory for what a program synthesises. */
export function outputDirectory(name: string): string {
  return join(directory, name);
}

/**
 * Writes a program that makes environments in one app: `node many.js <outdir> <environments> <rounds>`. It does so
 * `rounds` times and prints what each took, and how many resources each made.
 */
export function writeMany(platform: PlatformName): string {
  compileStacks();
  return write(
    'many.js',
    `
      const { App, TerraformOutput, TerraformResource, TerraformStack } = require('cdktf');
      const { ${PLATFORM_CLASSES[platform]}: Platform, MlopsEnvironment } = require('./lib');
      const [outdir, environments, rounds] = process.argv.slice(2);

      for (let round = 0; round < Number(rounds); round++) {
        if (global.gc) global.gc();
        const cpu = process.cpuUsage();
        const started = process.hrtime.bigint();
        const app = new App({ outdir, skipValidation: true });
        for (let i = 1; i <= Number(environments); i++) {
          const stack = new TerraformStack(app, 'environment-' + i);
          const environment = new MlopsEnvironment(stack, 'environment-' + i, {
            platform: new Platform(stack, 'platform', { environment: 'environment-' + i }),
            registry: { port: 5000 },
            gateway: { port: 8080 },
            containers: { port: 5001 },
            jenkins: { port: 8081 },
            monitoring: { prometheusPort: 9090, alertmanagerPort: 9093, grafanaPort: 3000 },
          });
          new TerraformOutput(stack, 'components', { value: JSON.stringify(environment.components) });
          new TerraformOutput(stack, 'credentials', { value: environment.credentials, sensitive: true });
        }
        app.synth();
        const wallMs = Number(process.hrtime.bigint() - started) / 1e6;
        const { user, system } = process.cpuUsage(cpu);
        const resources = app.node.findAll().filter((c) => TerraformResource.isTerraformResource(c)).length;
        console.log(JSON.stringify({ wallMs, cpuMs: (user + system) / 1e3, resources }));
      }
    `,
  );
}

const PLATFORM_CLASSES: Readonly<Record<PlatformName, string>> = {
  docker: 'DockerPlatform',
  kubernetes: 'KubernetesPlatform',
};

/** Compiles stacks/ beside a copy of the compiled library: a build meanwhile removes dist/. */
function compileStacks(): void {
  for (const name of ['environment', 'staging', 'state']) {
    const source = readFileSync(join(root, 'stacks', `${name}.ts`), 'utf8');
    const { outputText } = transpileModule(source, {
      compilerOptions: { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022 },
    });
    write(`stacks/${name}.js`, outputText);
  }
  cpSync(join(root, 'dist'), join(directory, 'lib'), { recursive: true });
  cpSync(join(root, 'package.json'), join(directory, 'package.json'));
  write('releases/staging.json', readFileSync(join(root, 'releases/staging.json'), 'utf8'));
}

function synthesise(program: string, name: string): Record<string, Synthesised> {
  const out = outputDirectory(name);
  run(program, [out]);
  return Object.fromEntries(
    STACKS.map((stack) => [
      stack,
      JSON.parse(readFileSync(join(out, 'stacks', stack, 'cdk.tf.json'), 'utf8')) as Synthesised,
    ]),
  );
}

function write(name: string, text: string): string {
  const file = join(directory, name);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, text);
  return file;
}
