import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The schema that the plugins in airgap/providers serve (their own tests keep schema.json true), against the published
 * bindings: whatever Terraform may be given for the published providers must mean the same to the plugins.
 */

type TerraformType = string | [string, TerraformType | Record<string, TerraformType>];
interface Attribute {
  readonly type: TerraformType;
  readonly required?: boolean;
  readonly optional?: boolean;
  readonly computed?: boolean;
  readonly sensitive?: boolean;
}
interface Block {
  readonly nesting?: string;
  readonly attributes: Record<string, Attribute>;
  readonly blocks?: Record<string, Block>;
}
interface Input {
  readonly isBlock: boolean;
  readonly type: string;
  readonly storage: string;
}

const served = JSON.parse(readFileSync(join(__dirname, '../../airgap/providers/schema.json'), 'utf8')) as Record<
  string,
  Block
>;

const bindings: Record<string, string> = {
  docker_container: '@cdktf/provider-docker/lib/container',
  docker_image: '@cdktf/provider-docker/lib/image',
  docker_network: '@cdktf/provider-docker/lib/network',
  docker_volume: '@cdktf/provider-docker/lib/volume',
  random_password: '@cdktf/provider-random/lib/password',
};

/** One binding, read as text: it says what it hands to Terraform, in the same form for every attribute. */
class Binding {
  private readonly code: string;
  private readonly types: string;

  constructor(module: string) {
    this.code = Binding.read(module, '.js');
    this.types = Binding.read(module, '.d.ts');
  }

  /** A large binding has its structs in files of their own. The resource itself comes last. */
  private static read(module: string, ending: string): string {
    const folder = dirname(require.resolve(module));
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith(ending))
      .sort((a, b) => Number(!a.includes('structs')) - Number(!b.includes('structs')))
      .map((file) => readFileSync(join(folder, file), 'utf8').replace(/\n\/\/# sourceMappingURL.*/, ''))
      .join('\n');
  }

  /** The inputs of the resource itself. */
  get inputs(): Record<string, Input> {
    return Binding.parse(this.code.slice(this.code.lastIndexOf('synthesizeHclAttributes()')));
  }

  /** The inputs of a block: its storage class is named after the list of its structs. */
  blockInputs(block: Input): Record<string, Input> {
    const struct = block.storage.replace(/List$/, '');
    const name = `function ${struct[0].toLowerCase()}${struct.slice(1)}ToHclTerraform(`;
    const start = this.code.indexOf(name);
    expect(start).toBeGreaterThan(0);
    return Binding.parse(this.code.slice(start, this.code.indexOf('\n}', start)));
  }

  /** Whether the binding's interface demands the input. */
  requires(struct: string, attribute: string): boolean {
    const start = this.types.indexOf(`export interface ${struct} `);
    expect(start).toBeGreaterThan(0);
    const body = this.types.slice(start, this.types.indexOf('\n}', start));
    return new RegExp(`readonly ${camel(attribute)}: `).test(body);
  }

  /** Whether the resource has an output of that name. */
  hasOutput(attribute: string): boolean {
    return new RegExp(`get ${camel(attribute)}\\(\\)`).test(this.types);
  }

  private static parse(text: string): Record<string, Input> {
    // Anchored to the start of a line: the file ends in one word of a hundred kilobytes, its source map.
    const pattern = /\n +(\w+): \{\s*value: .*\n\s*isBlock: (\w+),\s*type: "(\w+)",\s*storageClassType: "(\w+)"/g;
    return Object.fromEntries(
      [...text.matchAll(pattern)].map(([, name, isBlock, type, storage]) => [
        name,
        { isBlock: isBlock === 'true', type, storage },
      ]),
    );
  }
}

const camel = (name: string): string => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

/** What a binding says of an attribute of this type. */
function expected(type: TerraformType): { type: string; storage: string } {
  if (typeof type === 'string') return { type: 'simple', storage: type === 'bool' ? 'boolean' : type };
  const [collection, element] = type;
  const kind = collection === 'map' ? 'Map' : 'List';
  return { type: collection, storage: `${String(element)}${kind}` };
}

/** Every difference between a block as served and the inputs of a binding. */
function differences(path: string, block: Block, inputs: Record<string, Input>, binding: Binding, struct: string) {
  const found: string[] = [];
  for (const [name, attribute] of Object.entries(block.attributes)) {
    const input = inputs[name];
    const settable = attribute.required === true || attribute.optional === true;
    if (!settable) {
      if (!binding.hasOutput(name)) found.push(`${path}.${name}: the binding has no such output`);
      continue;
    }
    if (input === undefined) {
      found.push(`${path}.${name}: the binding has no such input`);
      continue;
    }
    const want = expected(attribute.type);
    if (input.isBlock || input.type !== want.type || input.storage !== want.storage) {
      found.push(`${path}.${name}: ${JSON.stringify(input)} is not ${JSON.stringify(want)}`);
    }
    if (binding.requires(struct, name) !== (attribute.required === true)) {
      found.push(`${path}.${name}: required differs`);
    }
  }
  for (const [name, inner] of Object.entries(block.blocks ?? {})) {
    const input = inputs[name];
    if (input === undefined || !input.isBlock || input.type !== inner.nesting) {
      found.push(`${path}.${name}: ${JSON.stringify(input)} is not a block of nesting ${inner.nesting}`);
      continue;
    }
    const innerStruct = input.storage.replace(/List$/, '');
    found.push(...differences(`${path}.${name}`, inner, binding.blockInputs(input), binding, innerStruct));
  }
  return found;
}

test('the plugins serve these resources and no others', () => {
  expect(Object.keys(served).sort()).toEqual(Object.keys(bindings).sort());
});

test.each(Object.keys(bindings))('%s has the names, types and nesting of the published bindings', (resource) => {
  const binding = new Binding(bindings[resource]);
  const name = resource.slice(resource.indexOf('_') + 1);
  const struct = `${name[0].toUpperCase()}${name.slice(1)}Config`;
  expect(Object.keys(binding.inputs).length).toBeGreaterThan(3);
  expect(differences(resource, served[resource], binding.inputs, binding, struct)).toEqual([]);
});

test('what is only optional is not filled in', () => {
  const { attributes } = served.docker_container;
  for (const name of ['memory', 'memory_swap', 'cpu_shares', 'tmpfs', 'log_opts', 'gpus', 'group_add', 'pid_mode']) {
    expect([name, attributes[name].computed ?? false]).toEqual([name, false]);
  }
});

test('passwords are sensitive', () => {
  const { result, bcrypt_hash: hash } = served.random_password.attributes;
  expect([result.sensitive, hash.sensitive]).toEqual([true, true]);
});

/** The Kubernetes plugin's schema is made of this file, in which blocks that stand several times are written once. */
type StructureBlock = Record<string, string | StructureNode> | string;
interface StructureNode {
  readonly nesting: string;
  readonly block: StructureBlock;
  readonly computed?: boolean;
}
const structure = JSON.parse(
  readFileSync(join(__dirname, '../../airgap/providers/kubernetes/internal/published/structure.json'), 'utf8'),
) as {
  readonly blocks: Record<string, StructureBlock>;
  readonly resources: Record<string, { readonly block: StructureBlock; readonly timeouts?: readonly string[] }>;
};

/** A block of the structure as the other plugins describe theirs. What only the cluster fills in is left out. */
function described(block: StructureBlock, nesting?: string): Block {
  if (typeof block === 'string') return described(structure.blocks[block], nesting);
  const attributes: Record<string, Attribute> = {};
  const blocks: Record<string, Block> = {};
  for (const [name, entry] of Object.entries(block)) {
    if (typeof entry !== 'string') {
      if (entry.computed !== true) blocks[name] = described(entry.block, entry.nesting);
      continue;
    }
    const [kind, word] = entry.split(', ');
    const [collection, element] = kind.split(' of ');
    const type: TerraformType = element === undefined ? collection : [collection, element];
    attributes[name] = { type, required: word === 'required', optional: word === undefined };
  }
  return { nesting, attributes, blocks };
}

/** What a binding takes and the structure leaves out: the plugin refuses it by name. */
function refused(block: Block, inputs: Record<string, Input>, binding: Binding): string[] {
  return Object.entries(inputs).flatMap(([name, input]) => {
    const inner = block.blocks?.[name];
    if (inner !== undefined) return refused(inner, binding.blockInputs(input), binding);
    return name in block.attributes ? [] : [name];
  });
}

describe('the Kubernetes plugin', () => {
  const names = Object.keys(structure.resources);

  test('serves what lib/kubernetes makes', () => {
    const used = readFileSync(join(__dirname, '../../lib/kubernetes/bindings.ts'), 'utf8');
    const modules = [...used.matchAll(/provider-kubernetes\/lib\/([\w-]+)'\) as/g)].map(([, name]) => name);
    expect(modules.length).toBeGreaterThan(15);
    const made = modules.filter((name) => name !== 'provider').map((name) => `kubernetes_${name.replace(/-/g, '_')}`);
    expect(made.filter((name) => !names.includes(name))).toEqual([]);
  });

  test.each(names)('%s has the names, types and nesting of the published bindings', (resource) => {
    const name = resource.replace(/^kubernetes_/, '').replace(/_/g, '-');
    const binding = new Binding(`@cdktf/provider-kubernetes/lib/${name}`);
    const struct = camel(`_${name.replace(/-/g, '_')}`);
    const block = described(structure.resources[resource].block);
    expect(differences(resource, block, binding.inputs, binding, `${struct}Config`)).toEqual([]);
    const vendors =
      /^(aws_elastic_block_store|azure_disk|azure_file|ceph_fs|cinder|fc|flex_volume|flocker|gce_persistent_disk|git_repo|glusterfs|iscsi|local|photon_persistent_disk|quobyte|rbd|vsphere_volume)$/;
    const others = /^(id|timeouts|target_cpu_utilization_percentage|(binary_)?data_wo(_revision)?)$/;
    const left = refused(block, binding.inputs, binding);
    expect(left.filter((argument) => !vendors.test(argument) && !others.test(argument))).toEqual([]);
  });
});
