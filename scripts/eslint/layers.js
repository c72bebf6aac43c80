'use strict';

const path = require('node:path').posix;

const root = path.join(__dirname.replace(/\\/g, '/'), '../..');

/** Folders of lib/ that stand above the components: a component knows none of them. */
const ABOVE_COMPONENTS = ['environment', 'checks', 'review', 'cli'];
const PLATFORMS = ['docker', 'kubernetes'];

/** Modules whose answer depends on the machine or on the moment: a synthesis has to give the same bytes everywhere. */
const MACHINE_MODULES = /^(node:)?(os|child_process|http|https|net|dns|tls|perf_hooks|timers|worker_threads)(\/|$)/;

/** The folder of lib/ that a file stands in: `''` for lib/ itself, undefined outside of it. */
function folderOf(file) {
  const relative = path.relative(root, file.replace(/\\/g, '/'));
  if (!relative.startsWith('lib/')) return undefined;
  const parts = relative.split('/');
  return parts.length === 2 ? '' : parts[1];
}

/** Says why a file of lib/ may not import from another folder of it, or nothing when it may. */
function layerProblem(from, to) {
  if (from === to || from === '') return undefined;
  if (to === '') return `lib/${from} must not import lib/index: it is what users import, import the module itself`;
  if (from === 'core') return `lib/core imports nothing of lib/ but itself, not lib/${to}`;
  if (to === 'core') return undefined;
  if (PLATFORMS.includes(from)) return `lib/${from} is a platform and imports lib/core only, not lib/${to}`;
  if (from === 'cli') return undefined;
  if (PLATFORMS.includes(to)) return `lib/${from} must not import lib/${to}: a component never knows its platform`;
  if (ABOVE_COMPONENTS.includes(to) && !ABOVE_COMPONENTS.includes(from)) {
    return `lib/${from} must not import lib/${to}: dependencies point from the environment to its components`;
  }
  return undefined;
}

/** Says why a file may not import a provider's module, or nothing when it may. */
function providerProblem(file, source) {
  const [, name, rest] = /^@cdktf\/provider-([a-z0-9-]+)(.*)$/.exec(source);
  if (!/^\/lib\/[a-z0-9-]+$/.test(rest)) {
    return `import '@cdktf/provider-${name}/lib/<resource>': the index of a provider loads all of it`;
  }
  const relative = path.relative(root, file.replace(/\\/g, '/'));
  const folder = folderOf(file);
  if (folder === undefined) {
    // Tests, examples and scripts may stand for somebody else's program; the shipped stacks may not.
    return relative.startsWith('stacks/') ? 'stacks/ makes resources through the library only' : undefined;
  }
  if (PLATFORMS.includes(name)) {
    return folder === name ? undefined : `only lib/${name} may import @cdktf/provider-${name}`;
  }
  if (name === 'random') {
    const allowed = PLATFORMS.includes(folder) || /^lib\/core\/secret[a-z-]*\.ts$/.test(relative);
    return allowed ? undefined : 'only lib/core/secret*.ts and the platforms may import @cdktf/provider-random';
  }
  return `lib/ uses the docker, kubernetes and random providers only, not @cdktf/provider-${name}`;
}

function problemOf(file, source) {
  if (source.startsWith('@cdktf/provider-')) return providerProblem(file, source);
  const folder = folderOf(file);
  if (folder === undefined) return undefined;
  if (source.startsWith('.')) {
    const target = path.join(path.dirname(file.replace(/\\/g, '/')), source);
    if (target === path.join(root, 'lib')) return layerProblem(folder, '');
    const to = folderOf(`${target}.ts`);
    if (to === undefined) {
      const relative = path.relative(root, target);
      return relative === 'package.json' ? undefined : `lib/ must not import ${relative}: it is not in the package`;
    }
    // `../core` is the index of a folder; `./index` and files beside lib/index.ts belong to lib/ itself.
    const isFolder = to === '' && path.dirname(target) === path.join(root, 'lib') && path.basename(target) !== 'index';
    return layerProblem(folder, isFolder ? path.basename(target) : to);
  }
  if (folder !== 'cli' && MACHINE_MODULES.test(source)) {
    return `'${source}' belongs in lib/cli: what a program synthesises must not depend on the machine or the moment`;
  }
  return undefined;
}

/** Every import, `require` and `import()` keeps the direction of the architecture. */
module.exports = {
  meta: { type: 'problem', schema: [], docs: { description: 'which folder may import which' } },
  create(context) {
    function checkSource(node) {
      if (node?.type !== 'Literal' || typeof node.value !== 'string') return;
      const message = problemOf(context.filename, node.value);
      if (message !== undefined) context.report({ node, message });
    }
    return {
      ImportDeclaration: (node) => checkSource(node.source),
      ExportNamedDeclaration: (node) => checkSource(node.source),
      ExportAllDeclaration: (node) => checkSource(node.source),
      ImportExpression: (node) => checkSource(node.source),
      TSImportType: (node) => checkSource(node.source ?? node.argument?.literal),
      TSExternalModuleReference: (node) => checkSource(node.expression),
      'CallExpression[callee.name="require"]': (node) => checkSource(node.arguments[0]),
    };
  },
};
