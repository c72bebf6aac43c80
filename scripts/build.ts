import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { hashOf, isFresh, record, root, withLock } from './lib/freshness';

const TSCONFIG = 'tsconfig.jsii.json';

/**
 * Writes the compiler's settings for lib/. jsii refuses the settings of tsconfig.json (it wants declarations, and no
 * folder but lib/), and what it generates by itself cannot resolve packages with an `exports` map.
 */
function writeTsconfig(): void {
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2022'],
    module: 'node16',
    moduleResolution: 'node16',
    rootDir: 'lib',
    outDir: 'dist',
    alwaysStrict: true,
    composite: false,
    declaration: true,
    incremental: false,
    inlineSourceMap: true,
    inlineSources: true,
    noEmitOnError: true,
    noFallthroughCasesInSwitch: true,
    noImplicitAny: true,
    noImplicitReturns: true,
    noImplicitThis: true,
    noUnusedLocals: true,
    noUnusedParameters: true,
    resolveJsonModule: true,
    skipLibCheck: true,
    strict: true,
    strictNullChecks: true,
    strictPropertyInitialization: true,
    stripInternal: false,
    types: ['node'],
  };
  const content = { compilerOptions, include: ['lib/**/*.ts'], exclude: ['node_modules'] };
  writeFileSync(join(root, TSCONFIG), `${JSON.stringify(content, undefined, 2)}\n`);
}

/**
 * Compiles lib/ with jsii into dist/ (JavaScript, declarations) and .jsii (the assembly from which other languages'
 * packages and the API reference are made). Does nothing when nothing changed, unless called with --force.
 */
function build(force: boolean): number {
  const inputs = hashOf(['lib', 'README.md', 'package.json', 'package-lock.json', 'scripts/build.ts']);
  const outputs = ['dist/index.js', 'dist/index.d.ts', '.jsii'];
  if (!force && isFresh('build', inputs, outputs)) {
    console.log('dist/ is up to date.');
    return 0;
  }
  // A declaration whose source is gone would still be packed.
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  writeTsconfig();
  const { status, error } = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules/jsii/bin/jsii'),
      `--tsconfig=${TSCONFIG}`,
      '--validate-tsconfig=minimal',
      // Warns of names that would be changed in C#, which is not a target.
      '--silence-warnings=JSII5019',
    ],
    {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION: process.versions.node.split('.')[0] },
    },
  );
  if (error) throw error;
  if (status !== 0) {
    rmSync(join(root, 'dist'), { recursive: true, force: true });
    return status ?? 1;
  }
  bundle();
  copyAssets('lib', 'dist');
  record('build', inputs);
  return 0;
}

/**
 * Puts the library into one file: a program's start, which every synth pays for, takes a third of the time that the
 * single files take. They stay, for the command and for the declarations.
 */
function bundle(): void {
  const file = join(root, 'dist/index.js');
  buildSync({
    entryPoints: [file],
    outfile: file,
    allowOverwrite: true,
    bundle: true,
    packages: 'external',
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    logLevel: 'warning',
  });
  // An ES module that imports the library gets the names that Node finds in the text, and it finds none in a bundle of
  // CommonJS. This is esbuild's own way to tell it; it is never run.
  const names = Object.keys(createRequire(__filename)(file) as object);
  if (names.length === 0) throw new Error('the bundle exports nothing');
  appendFileSync(file, `0 && (module.exports = { ${names.join(', ')} });\n`);
}

/** Copies what is not TypeScript (templates, data) to where the compiled code looks for it. */
function copyAssets(from: string, to: string): void {
  for (const entry of readdirSync(join(root, from), { withFileTypes: true })) {
    const [source, target] = [`${from}/${entry.name}`, `${to}/${entry.name}`];
    if (entry.isDirectory()) copyAssets(source, target);
    else if (!entry.name.endsWith('.ts')) cpSync(join(root, source), join(root, target));
  }
}

if (!existsSync(join(root, 'lib/index.ts'))) throw new Error('lib/index.ts is missing');
process.exitCode = withLock('build', () => build(process.argv.includes('--force')));
