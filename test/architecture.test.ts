import { join } from 'node:path';
import { Linter } from 'eslint';

// The configuration itself, so that a rule that is switched off there fails here.
const config = require('../eslint.config.js') as Linter.Config[];
const root = join(__dirname, '..');

/** What the linter says about a file of this path and text. */
function lint(file: string, text: string): string[] {
  const linter = new Linter({ configType: 'flat', cwd: root });
  return linter
    .verify(text, config, { filename: join(root, file) })
    .filter(({ ruleId }) => ruleId !== '@typescript-eslint/no-unused-vars' && ruleId !== 'no-undef')
    .map(({ ruleId, message }) => `${ruleId}: ${message}`);
}

const importing = (file: string, source: string): string[] => lint(file, `import * as x from '${source}';\n`);

describe('who imports which provider', () => {
  test.each([
    ['lib/docker/docker-platform.ts', '@cdktf/provider-docker/lib/container'],
    ['lib/kubernetes/kubernetes-platform.ts', '@cdktf/provider-kubernetes/lib/deployment-v1'],
    ['lib/docker/docker-platform.ts', '@cdktf/provider-random/lib/password'],
    ['lib/kubernetes/secrets.ts', '@cdktf/provider-random/lib/password'],
    ['lib/core/secret.ts', '@cdktf/provider-random/lib/password'],
    ['lib/core/secret-bundle.ts', '@cdktf/provider-random/lib/password'],
    ['examples/existing-program/main.ts', '@cdktf/provider-docker/lib/provider'],
    ['test/docker/docker-platform.test.ts', '@cdktf/provider-docker/lib/container'],
  ])('%s may import %s', (file, source) => {
    expect(importing(file, source)).toEqual([]);
  });

  test.each([
    ['lib/core/workload.ts', '@cdktf/provider-docker/lib/container', 'only lib/docker may import'],
    ['lib/kubernetes/a.ts', '@cdktf/provider-docker/lib/container', 'only lib/docker may import'],
    ['lib/serving/gateway.ts', '@cdktf/provider-docker/lib/container', 'only lib/docker may import'],
    ['lib/index.ts', '@cdktf/provider-docker/lib/container', 'only lib/docker may import'],
    ['lib/docker/a.ts', '@cdktf/provider-kubernetes/lib/deployment-v1', 'only lib/kubernetes may import'],
    ['lib/environment/a.ts', '@cdktf/provider-kubernetes/lib/deployment-v1', 'only lib/kubernetes may import'],
    ['lib/cli/main.ts', '@cdktf/provider-kubernetes/lib/deployment-v1', 'only lib/kubernetes may import'],
    ['lib/core/names.ts', '@cdktf/provider-random/lib/password', 'only lib/core/secret*.ts'],
    ['lib/registry/database.ts', '@cdktf/provider-random/lib/password', 'only lib/core/secret*.ts'],
    ['lib/docker/a.ts', '@cdktf/provider-aws/lib/s3-bucket', 'docker, kubernetes and random providers only'],
    ['stacks/main.ts', '@cdktf/provider-docker/lib/container', 'through the library only'],
  ])('%s may not import %s', (file, source, reason) => {
    expect(importing(file, source)).toEqual([expect.stringContaining(reason)]);
  });

  test.each([
    ['lib/docker/a.ts', '@cdktf/provider-docker'],
    ['lib/docker/a.ts', '@cdktf/provider-docker/lib'],
    ['lib/docker/a.ts', '@cdktf/provider-docker/lib/container/index'],
    ['lib/kubernetes/a.ts', '@cdktf/provider-kubernetes'],
    ['lib/core/secret.ts', '@cdktf/provider-random'],
    ['stacks/main.ts', '@cdktf/provider-docker'],
    ['examples/existing-program/main.ts', '@cdktf/provider-docker'],
    ['test/docker/a.test.ts', '@cdktf/provider-kubernetes'],
    ['scripts/bench.ts', '@cdktf/provider-docker'],
  ])('%s may not load all of a provider by %s', (file, source) => {
    expect(importing(file, source)).toEqual([expect.stringContaining('the index of a provider loads all of it')]);
  });

  test.each([
    ["export * from '@cdktf/provider-docker/lib/container';"],
    ["export { Container } from '@cdktf/provider-docker/lib/container';"],
    ["import type { Container } from '@cdktf/provider-docker/lib/container';"],
    ["import docker = require('@cdktf/provider-docker/lib/container');"],
    ["export const docker = require('@cdktf/provider-docker/lib/container');"],
    ["export const docker = import('@cdktf/provider-docker/lib/container');"],
    ["export let docker: import('@cdktf/provider-docker/lib/container').Container;"],
  ])('no other way around: %s', (text) => {
    expect(lint('lib/serving/gateway.ts', text).join('\n')).toContain('only lib/docker may import');
  });
});

describe('the direction of dependencies', () => {
  test.each([
    ['lib/registry/model-registry.ts', '../core/workload'],
    ['lib/registry/model-registry.ts', '../core'],
    ['lib/serving/model-server.ts', '../registry/model-registry'],
    ['lib/serving/haproxy/a.ts', '../../core/errors'],
    ['lib/serving/haproxy/a.ts', '../gateway'],
    ['lib/environment/mlops-environment.ts', '../monitoring/monitoring'],
    ['lib/docker/docker-platform.ts', '../core/platform'],
    ['lib/index.ts', './docker'],
    ['lib/index.ts', './environment'],
    ['lib/core/index.ts', './workload'],
    ['lib/cli/version.ts', '../../package.json'],
    ['stacks/main.ts', '../lib/docker'],
    ['test/docker/a.test.ts', '../../lib/docker'],
  ])('%s may import %s', (file, source) => {
    expect(importing(file, source)).toEqual([]);
  });

  test.each(['registry', 'serving', 'training', 'monitoring', 'jenkins', 'pipeline', 'environment'])(
    'lib/%s never knows its platform',
    (component) => {
      for (const platform of ['docker', 'kubernetes']) {
        const expected = [expect.stringContaining('a component never knows its platform')];
        expect(importing(`lib/${component}/a.ts`, `../${platform}`)).toEqual(expected);
        expect(importing(`lib/${component}/deeper/a.ts`, `../../${platform}/platform`)).toEqual(expected);
      }
    },
  );

  test.each([
    ['lib/core/platform.ts', '../docker', 'lib/core imports nothing'],
    ['lib/core/platform.ts', '../docker/docker-platform', 'lib/core imports nothing'],
    ['lib/core/platform.ts', '../serving/gateway', 'lib/core imports nothing'],
    ['lib/core/platform.ts', '../index', 'what users import'],
    ['lib/core/platform.ts', '..', 'what users import'],
    ['lib/docker/a.ts', '../kubernetes/names', 'imports lib/core only'],
    ['lib/docker/a.ts', '../serving/gateway', 'imports lib/core only'],
    ['lib/serving/gateway.ts', '../environment/mlops-environment', 'from the environment to its components'],
    ['lib/serving/gateway.ts', '../cli/terraform', 'from the environment to its components'],
    ['lib/serving/gateway.ts', '../../stacks/staging', 'it is not in the package'],
    ['lib/core/a.ts', '../../airgap/supply', 'it is not in the package'],
  ])('%s may not import %s', (file, source, reason) => {
    expect(importing(file, source)).toEqual([expect.stringContaining(reason)]);
  });
});

describe('the same input gives the same bytes', () => {
  const impure = [
    'export const now = Date.now();',
    'export const now = new Date();',
    'export const now = performance.now();',
    'export const some = Math.random();',
    'export const home = process.env.HOME;',
    'export const here = process.cwd();',
    "import { randomUUID } from 'node:crypto';",
    "import * as crypto from 'node:crypto';\nexport const some = crypto.randomBytes(4);",
    'export const some = crypto.randomUUID();',
    "import * as os from 'node:os';",
    "import { hostname } from 'os';",
    "import { execFileSync } from 'node:child_process';",
  ];

  test.each(impure)('a component may not: %s', (text) => {
    expect(lint('lib/serving/gateway.ts', text)).toHaveLength(1);
  });

  test.each(impure)('the command may: %s', (text) => {
    expect(lint('lib/cli/main.ts', text)).toEqual([]);
  });

  test('a hash and a date that is handed in are no clock', () => {
    expect(
      lint('lib/core/names.ts', "import { createHash } from 'node:crypto';\nexport const d = new Date(2026, 1, 1);"),
    ).toEqual([]);
  });
});

describe('the id of a construct', () => {
  test.each([
    'new Workload(this, `${this.network.id}-server`, {});',
    'new Workload(scope, password.result, {});',
    "new Workload(scope, 'server-' + volume.fqn, {});",
    'new Workload(scope, image.imageId.slice(0, 8));',
    'new Workload(stack, variable.stringValue!);',
    "new Workload(this, secret?.value ?? 'none');",
    'Secret.generated(this, `${password.result}`);',
  ])('holds no Terraform token: %s', (text) => {
    expect(lint('lib/serving/gateway.ts', text)).toEqual([expect.stringContaining('which is a Terraform token')]);
    expect(lint('stacks/main.ts', text)).toHaveLength(1);
  });

  test.each([
    'new Workload(this, `server-${model.name}-v${model.version}`, {});',
    'new Workload(this, `${scope.node.id}-server`, {});',
    "Secret.generated(this, 'Password', { length: 32 });",
    'new Map(Object.entries(x.value));',
  ])('may hold what is known at synth: %s', (text) => {
    expect(lint('lib/serving/gateway.ts', text)).toEqual([]);
  });
});

describe('small traps', () => {
  test.each([
    "export const f = (a?: string) => a || 'default';",
    'export const f = (a?: number) => a || 5;',
    'export const f = (a?: string[]) => a || [];',
    'export const f = (a?: object) => a || {};',
    "export const f = (a?: string) => { a ||= 'x'; return a; };",
  ])("a default is given with '??': %s", (text) => {
    expect(lint('lib/core/a.ts', text)).toEqual([expect.stringContaining("use '??'")]);
    expect(lint('stacks/main.ts', text)).toHaveLength(1);
  });

  test("'||' between conditions, and after a joined list, is no default", () => {
    expect(lint('lib/core/a.ts', "export const f = (a: string[], b: boolean) => b || (a.join() || '(none)');")).toEqual(
      [],
    );
  });

  test('node.addDependency, which cdktf drops silently, is refused', () => {
    expect(lint('lib/core/a.ts', 'a.node.addDependency(b);')).toEqual([expect.stringContaining('dependsOn')]);
  });

  test('a component writes nothing to the console', () => {
    expect(lint('lib/serving/a.ts', "console.log('hello');")).toEqual([expect.stringContaining('no-console')]);
    expect(lint('lib/cli/a.ts', "console.log('hello');")).toEqual([]);
  });
});
