// Writes internal/published/structure.json: what the bindings of the published provider say of a resource, which is the
// names, types and nesting of its arguments, and which of them are required. Run it from the project's root after a
// change of the list below or of the bindings: node airgap/providers/kubernetes/structure.mjs
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const RESOURCES = [
  'namespace-v1',
  'deployment-v1',
  'stateful-set-v1',
  'daemon-set-v1',
  'job-v1',
  'cron-job-v1',
  'service-v1',
  'config-map-v1',
  'secret-v1',
  'persistent-volume-claim-v1',
  'service-account-v1',
  'role-v1',
  'role-binding-v1',
  'cluster-role-v1',
  'cluster-role-binding-v1',
  'network-policy-v1',
  'pod-disruption-budget-v1',
  'horizontal-pod-autoscaler-v2',
  'ingress-v1',
  'resource-quota-v1',
  'limit-range-v1',
];
/** What the plugin refuses: write-only arguments, one that the API has no place for, and volumes of single vendors. */
const REFUSED = new RegExp(
  [
    '_wo(_revision)?$',
    '^target_cpu_utilization_percentage$',
    '^(aws_elastic_block_store|azure_disk|azure_file|ceph_fs|cinder|fc|flex_volume|flocker|gce_persistent_disk)$',
    '^(git_repo|glusterfs|iscsi|local|photon_persistent_disk|quobyte|rbd|vsphere_volume)$',
  ].join('|'),
);
/** Blocks that are written once and referred to, when they are at least this long and stand more than once. */
const SHARED_LENGTH = 150;

const require = createRequire(import.meta.url);
const camel = (name) => name.replace(/_(\w)/g, (_match, letter) => letter.toUpperCase());
const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const until = (text, start, end) => text.slice(start, text.indexOf(end, start));

function read(resource) {
  const folder = dirname(require.resolve(`@cdktf/provider-kubernetes/lib/${resource}`));
  const files = readdirSync(folder, { recursive: true }).map((file) => join(folder, file));
  const all = (ending) =>
    files
      .filter((file) => file.endsWith(ending))
      .sort()
      .map((file) => readFileSync(file, 'utf8').replace(/\n\/\/# sourceMappingURL.*/, ''))
      .join('\n');
  return { code: all('.js'), types: all('.d.ts') };
}

/** The arguments in a function that makes HCL of a struct. */
function inputs(text) {
  const pattern = /\n +(\w+): \{\s*value: .*\n\s*isBlock: (\w+),\s*type: "(\w+)",\s*storageClassType: "(\w+)"/g;
  return [...text.matchAll(pattern)].map(([, name, isBlock, type, storage]) => ({
    name,
    isBlock: isBlock === 'true',
    type,
    storage,
  }));
}

function scalar(storage) {
  return storage === 'boolean' ? 'bool' : storage;
}

function attribute({ type, storage }) {
  if (type === 'simple') return scalar(storage);
  return `${type} of ${scalar(storage.replace(/(List|Map)$/, ''))}`;
}

class Binding {
  constructor(resource) {
    Object.assign(this, read(resource));
  }

  block(struct, text, reference) {
    const start = this.types.indexOf(`export interface ${struct} `);
    const demanded = until(this.types, start, '\n}');
    const out = {};
    for (const input of inputs(text)) {
      if (REFUSED.test(input.name) || input.name === 'timeouts') continue;
      const [, optional, type] = new RegExp(`readonly ${camel(input.name)}(\\??): (.*)`).exec(demanded);
      const required = optional === '';
      if (!input.isBlock) {
        out[input.name] = attribute(input) + (required ? ', required' : '');
        continue;
      }
      const inner = input.storage.replace(/List$/, '');
      out[input.name] = {
        nesting: input.type,
        ...(required && { required }),
        ...(!type.includes('[]') && { single: true }),
        block: this.block(inner, this.functionOf(inner), `${inner}OutputReference`),
      };
    }
    Object.assign(out, this.outputs(reference, new Set(inputs(text).map(({ name }) => name))));
    return Object.fromEntries(Object.entries(out).sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  functionOf(struct) {
    const start = this.code.indexOf(`function ${struct[0].toLowerCase()}${struct.slice(1)}ToHclTerraform(`);
    return until(this.code, start, '\n}');
  }

  /** What can be read only. */
  outputs(reference, known) {
    const start = this.types.indexOf(`export declare class ${reference} `);
    const body = until(this.types, start, '\n}');
    const out = {};
    for (const [, property, type] of body.matchAll(/\n {4}get (\w+)\(\): (.*);/g)) {
      const name = snake(property);
      if (known.has(name) || /_(input|value)$/.test(name) || REFUSED.test(name) || name === 'timeouts') continue;
      if (new RegExp(`set ${property}\\(`).test(body)) continue;
      const list = /^(\w+)List$/.exec(type)?.[1];
      out[name] = list
        ? { nesting: 'list', computed: true, block: this.outputs(`${list}OutputReference`, new Set()) }
        : `${type === 'boolean' ? 'bool' : type}, computed`;
    }
    return out;
  }

  resource(name) {
    const struct = `${camel(`_${name.replace(/-/g, '_')}`)}`;
    const text = this.code.slice(this.code.lastIndexOf('synthesizeHclAttributes()'));
    const block = this.block(`${struct}Config`, text, struct);
    delete block.id;
    const timeouts = this.types.includes(`export interface ${struct}Timeouts `)
      ? [
          ...until(this.types, this.types.indexOf(`export interface ${struct}Timeouts `), '\n}').matchAll(
            /readonly (\w+)\?/g,
          ),
        ]
          .map(([, operation]) => operation)
          .sort()
      : undefined;
    return { block, ...(timeouts && { timeouts }) };
  }
}

/** Writes blocks that stand several times once. */
function share(resources) {
  const count = new Map();
  const walk = (block) => {
    for (const entry of Object.values(block)) {
      if (typeof entry === 'string') continue;
      const text = JSON.stringify(entry.block);
      if (text.length >= SHARED_LENGTH) count.set(text, (count.get(text) ?? 0) + 1);
      walk(entry.block);
    }
  };
  Object.values(resources).forEach(({ block }) => walk(block));
  const names = new Map();
  const blocks = {};
  const replaced = (block) =>
    Object.fromEntries(
      Object.entries(block).map(([name, entry]) => {
        if (typeof entry === 'string') return [name, entry];
        const text = JSON.stringify(entry.block);
        if (!(count.get(text) > 1)) return [name, { ...entry, block: replaced(entry.block) }];
        if (!names.has(text)) {
          const taken = new Set(names.values());
          let free = name;
          for (let n = 2; taken.has(free); n++) free = `${name}_${n}`;
          names.set(text, free);
          blocks[free] = replaced(entry.block);
        }
        return [name, { ...entry, block: names.get(text) }];
      }),
    );
  const out = Object.fromEntries(
    Object.entries(resources).map(([name, { block, timeouts }]) => [
      name,
      { block: replaced(block), ...(timeouts && { timeouts }) },
    ]),
  );
  return { blocks, resources: out };
}

const resources = Object.fromEntries(
  RESOURCES.map((name) => [`kubernetes_${name.replace(/-/g, '_')}`, new Binding(name).resource(name)]),
);
const target = join(import.meta.dirname, 'internal/published/structure.json');
writeFileSync(target, `${JSON.stringify(share(resources), undefined, 2)}\n`);
