import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Packs the package, installs it with its peers into a new project outside of the repository, and runs the programs of
 * examples/ there, as a user would. Slow: `npm run test:pack`.
 */
const root = join(__dirname, '..');
const project = mkdtempSync(join(tmpdir(), 'cdktf-mlops-pack-'));

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
  peerDependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  bundledDependencies: string[];
};

/** The folders of examples/ that are cdktf programs. */
const examples = readdirSync(join(root, 'examples'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(root, 'examples', entry.name, 'main.ts')))
  .map((entry) => entry.name);

function run(command: string, args: string[], cwd = project): string {
  try {
    // No variable of the surrounding `npm run` may lead npm back into the repository.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|INIT_CWD)/i.test(name)));
    return execFileSync(command, args, { cwd, encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}\n${stderr}`, { cause: error });
  }
}

let files: string[] = [];

beforeAll(() => {
  // What `npm pack` does by itself before it packs, but apart, since npm mixes what it prints into the JSON.
  run('npm', ['run', '--silent', 'build'], root);
  const [packed] = JSON.parse(
    run('npm', ['pack', '--ignore-scripts', '--json', `--pack-destination=${project}`], root),
  ) as { filename: string; files: { path: string }[] }[];
  files = packed.files.map(({ path }) => path);
  const peers = Object.keys(manifest.peerDependencies).map((name) => [name, manifest.devDependencies[name]]);
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({
      name: 'somebody-elses-program',
      private: true,
      dependencies: { 'cdktf-mlops': `file:./${packed.filename}`, ...Object.fromEntries(peers) },
      devDependencies: Object.fromEntries(
        ['@types/node', 'tsx', 'typescript'].map((name) => [name, manifest.devDependencies[name]]),
      ),
    }),
  );
  run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']);
});

afterAll(() => rmSync(project, { recursive: true, force: true }));

describe('the packed package', () => {
  test('holds the compiled library, its assembly, its images and its licence, and no source, test or state', () => {
    expect(files).toEqual(
      expect.arrayContaining(['package.json', 'LICENSE', '.jsii', 'dist/index.js', 'dist/index.d.ts']),
    );
    const stray = files.filter(
      (file) =>
        !file.startsWith('node_modules/') &&
        (/^(lib|test|stacks|examples|airgap|scripts|\.cdktf-mlops|cdktf\.out)\//.test(file) ||
          /(^|\/)__pycache__\/|\.tsbuildinfo$|\.tfstate|\.env$|\.tgz$/.test(file) ||
          (file.endsWith('.ts') && !file.endsWith('.d.ts'))),
    );
    expect(stray).toEqual([]);
  });

  test('brings along what it needs and takes cdktf, constructs and the providers from its user', () => {
    const bundled = new Set(files.flatMap((file) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []));
    expect([...bundled]).toEqual(expect.arrayContaining(manifest.bundledDependencies));
    for (const peer of Object.keys(manifest.peerDependencies)) {
      expect(bundled).not.toContain(peer);
      expect(existsSync(join(project, 'node_modules/cdktf-mlops/node_modules', peer))).toBe(false);
    }
  });

  test('loads, without loading a Kubernetes provider', () => {
    const loaded = run(process.execPath, [
      '-e',
      "const m = require('cdktf-mlops'); console.log(Object.keys(m).length, Object.keys(require.cache).filter((f) => f.includes('provider-kubernetes')).length);",
    ]);
    const [exported, kubernetes] = loaded.trim().split(' ').map(Number);
    expect(exported).toBeGreaterThan(10);
    expect(kubernetes).toBe(0);
  });

  test('gives an ES module every name that it gives to require', () => {
    const names = (program: string, ...flags: string[]) =>
      (JSON.parse(run(process.execPath, [...flags, '-e', program])) as string[]).sort();
    const required = names("console.log(JSON.stringify(Object.keys(require('cdktf-mlops'))))");
    const imported = names(
      "import * as all from 'cdktf-mlops'; console.log(JSON.stringify(Object.keys(all)))",
      '--input-type=module',
    );
    expect(imported).toEqual(expect.arrayContaining(required));
  });

  test('puts the command where npx finds it', () => {
    expect(run('npx', ['--no-install', 'cdktf-mlops', '--version']).trim()).toContain(manifest.version);
  });
});

for (const example of examples) {
  describe(`examples/${example}, outside of the repository`, () => {
    const directory = join(project, example);

    beforeAll(() => {
      cpSync(join(root, 'examples', example), directory, {
        recursive: true,
        filter: (source) => !/(node_modules|cdktf\.out)$/.test(source),
      });
      writeFileSync(
        join(directory, 'tsconfig.json'),
        JSON.stringify({
          compilerOptions: { strict: true, module: 'commonjs', target: 'es2020', noEmit: true, skipLibCheck: true },
          include: ['**/*.ts'],
        }),
      );
    });

    test('compiles against the packed declarations', () => {
      run(process.execPath, [join(project, 'node_modules/typescript/bin/tsc'), '-p', directory]);
    });

    test('synthesises, naming published providers and pinned images only', () => {
      run(process.execPath, ['--import', 'tsx', 'main.ts'], directory);
      const output = join(directory, 'cdktf.out/stacks');
      const stacks = readdirSync(output);
      expect(stacks).not.toEqual([]);
      for (const stack of stacks) {
        const text = readFileSync(join(output, stack, 'cdk.tf.json'), 'utf8');
        expect(text).not.toContain(root);
        expect(text).not.toMatch(/airgap/i);
        const { terraform, resource } = JSON.parse(text) as {
          terraform: { required_providers: Record<string, { source: string; version: string }> };
          resource?: { docker_image?: Record<string, { name: string }> };
        };
        for (const [name, { source, version }] of Object.entries(terraform.required_providers)) {
          const published: Record<string, string> = {
            docker: 'kreuzwerker/docker',
            kubernetes: 'hashicorp/kubernetes',
            random: 'hashicorp/random',
          };
          expect(source).toBe(published[name] ?? source);
          expect(version).toMatch(/^\d+\.\d+\.\d+$/);
        }
        for (const { name } of Object.values(resource?.docker_image ?? {})) {
          expect(name).toMatch(/(@sha256:[0-9a-f]{64}|:(?!latest$)[A-Za-z0-9_][A-Za-z0-9_.-]*)$/);
        }
      }
    });
  });
}

test('there is at least one example', () => {
  expect(examples).not.toEqual([]);
});
