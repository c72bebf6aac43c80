/**
 * Writes a program that makes the same resources as synthesised stacks with the providers' classes and nothing of this
 * library: what somebody would have to write without it, and the yardstick of its cost.
 */
const CLASSES: Readonly<Record<string, readonly [module: string, name: string]>> = {
  docker_container: ['@cdktf/provider-docker/lib/container', 'Container'],
  docker_image: ['@cdktf/provider-docker/lib/image', 'Image'],
  docker_network: ['@cdktf/provider-docker/lib/network', 'Network'],
  docker_volume: ['@cdktf/provider-docker/lib/volume', 'Volume'],
  ...kubernetesClasses([
    'ClusterRoleBindingV1',
    'ClusterRoleV1',
    'ConfigMapV1',
    'CronJobV1',
    'DaemonSetV1',
    'DeploymentV1',
    'HorizontalPodAutoscalerV2',
    'JobV1',
    'LimitRangeV1',
    'NamespaceV1',
    'NetworkPolicyV1',
    'PersistentVolumeClaimV1',
    'PodDisruptionBudgetV1',
    'ResourceQuotaV1',
    'RoleBindingV1',
    'RoleV1',
    'SecretV1',
    'ServiceAccountV1',
    'ServiceV1',
    'StatefulSetV1',
  ]),
  random_password: ['@cdktf/provider-random/lib/password', 'Password'],
  terraform_data: ['cdktf', 'DataResource'],
};

const PROVIDERS: Readonly<Record<string, readonly [module: string, name: string]>> = {
  docker: ['@cdktf/provider-docker/lib/provider', 'DockerProvider'],
  kubernetes: ['@cdktf/provider-kubernetes/lib/provider', 'KubernetesProvider'],
  random: ['@cdktf/provider-random/lib/provider', 'RandomProvider'],
};

/** Attributes whose keys are data. */
const MAPS = new Set([
  'annotations',
  'data',
  'default',
  'default_request',
  'driver_opts',
  'hard',
  'keepers',
  'labels',
  'limits',
  'log_opts',
  'match_labels',
  'requests',
  'tmpfs',
]);

/** `DaemonSetV1` is of the type `kubernetes_daemon_set_v1` and in a module of its own. */
function kubernetesClasses(names: readonly string[]): Record<string, readonly [module: string, name: string]> {
  const words = (name: string) => name.replace(/(?!^)([A-Z])/g, '_$1').toLowerCase();
  return Object.fromEntries(
    names.map((name) => [
      `kubernetes_${words(name)}`,
      [`@cdktf/provider-kubernetes/lib/${words(name).replaceAll('_', '-')}`, name],
    ]),
  );
}

/** What is read of a stack's `cdk.tf.json`. */
export interface Synthesised {
  readonly provider?: Record<string, unknown>;
  readonly resource?: Record<string, Record<string, Record<string, unknown>>>;
  readonly output?: Record<string, { value: unknown; sensitive?: boolean }>;
  readonly terraform: { readonly backend: { readonly local?: { readonly path: string } } };
}

/** How many resources a synthesised stack has. */
export function countResources(stack: Synthesised): number {
  return Object.values(stack.resource ?? {}).reduce((sum, instances) => sum + Object.keys(instances).length, 0);
}

/** The program's text, in JavaScript. It synthesises into the directory that its first argument names. */
export function bareProgram(stacks: Readonly<Record<string, Synthesised>>): string {
  const types = new Set(Object.values(stacks).flatMap((stack) => Object.keys(stack.resource ?? {})));
  const providers = new Set(Object.values(stacks).flatMap((stack) => Object.keys(stack.provider ?? {})));
  return [
    "'use strict';",
    "const { App, DataResource, LocalBackend, TerraformOutput, TerraformStack } = require('cdktf');",
    ...[...types].filter((type) => classOf(type)[0] !== 'cdktf').map((type) => importOf(classOf(type))),
    ...[...providers].map((name) => importOf(PROVIDERS[name])),
    'const app = new App({ outdir: process.argv[2], skipValidation: true });',
    ...Object.entries(stacks).flatMap(([name, stack]) => ['{', ...new StackWriter(name, stack).lines(), '}']),
    'app.synth();',
    '',
  ].join('\n');
}

/**
 * Makes two synthesised stacks comparable, and returns what they make as JSON: without the paths of constructs, with
 * `names` in place of the ids that a bare program's constructs have.
 */
export function essence(stack: Synthesised, names: Readonly<Record<string, string>> = {}): string {
  let text = JSON.stringify({ resource: stack.resource, output: stack.output }, (key, value: unknown) =>
    key === '//' ? undefined : sorted(value),
  );
  for (const [from, to] of Object.entries(names)) text = text.replaceAll(from, to);
  // Renaming has changed the order of the keys.
  return JSON.stringify(JSON.parse(text), (_key, value: unknown) => sorted(value));
}

/** The ids in a bare program's stack, each with that of the resource that it was written for. */
export function originalNames(stack: Synthesised): Record<string, string> {
  const names: Record<string, string> = {};
  for (const instances of Object.values(stack.resource ?? {})) {
    for (const [id, attributes] of Object.entries(instances)) {
      const { path } = (attributes['//'] as { metadata: { path: string } }).metadata;
      names[id] = path.slice(path.indexOf('/') + 1);
    }
  }
  return names;
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function classOf(type: string): readonly [module: string, name: string] {
  if (!(type in CLASSES)) throw new Error(`the bare program has no class for ${type}: add it to CLASSES`);
  return CLASSES[type];
}

function importOf([module, name]: readonly [module: string, name: string]): string {
  return `const { ${name} } = require('${module}');`;
}

function camelCase(key: string): string {
  return key.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}

/** Writes one stack; a resource stands behind what it refers to, as in a program that a person writes. */
class StackWriter {
  /** Addresses and the variables that hold their resources. */
  private readonly variables = new Map<string, string>();
  private readonly written: string[] = [];
  private readonly pending = new Set<string>();
  private readonly address: RegExp;

  constructor(
    private readonly name: string,
    private readonly stack: Synthesised,
  ) {
    const types = Object.keys(stack.resource ?? {}).join('|');
    this.address = new RegExp(`\\b(${types})\\.([A-Za-z0-9_-]+)`);
  }

  public lines(): string[] {
    const { backend } = this.stack.terraform;
    this.written.push(`const stack = new TerraformStack(app, ${JSON.stringify(this.name)});`);
    if (backend.local) this.written.push(`new LocalBackend(stack, { path: ${JSON.stringify(backend.local.path)} });`);
    for (const provider of Object.keys(this.stack.provider ?? {})) {
      this.written.push(`new ${PROVIDERS[provider][1]}(stack, '${provider}', {});`);
    }
    for (const [type, instances] of Object.entries(this.stack.resource ?? {})) {
      for (const id of Object.keys(instances)) this.write(type, id);
    }
    for (const [id, output] of Object.entries(this.stack.output ?? {})) {
      this.written.push(`new TerraformOutput(stack, ${JSON.stringify(id)}, ${this.code(output)});`);
    }
    return this.written;
  }

  /** Writes a resource unless it is written, and returns its variable. */
  private write(type: string, id: string): string {
    const address = `${type}.${id}`;
    const known = this.variables.get(address);
    if (known !== undefined) return known;
    if (this.pending.has(address)) throw new Error(`${address} refers to itself`);
    this.pending.add(address);
    const { '//': _metadata, depends_on: dependsOn, ...attributes } = this.stack.resource![type][id];
    const properties = this.properties(attributes, false);
    if (dependsOn !== undefined) {
      const others = (dependsOn as string[]).map((other) => this.write(...split(other)));
      properties.push(`dependsOn: [${others.join(', ')}]`);
    }
    const variable = `r${this.variables.size}`;
    this.variables.set(address, variable);
    this.written.push(
      `const ${variable} = new ${classOf(type)[1]}(stack, ${JSON.stringify(id)}, { ${properties.join(', ')} });`,
    );
    return variable;
  }

  private properties(value: object, keysAreData: boolean): string[] {
    return Object.entries(value).map(
      ([key, inner]) =>
        `${JSON.stringify(keysAreData ? key : camelCase(key))}: ${this.code(inner, !keysAreData && MAPS.has(key))}`,
    );
  }

  private code(value: unknown, keysAreData = false): string {
    if (Array.isArray(value)) return `[${value.map((inner) => this.code(inner)).join(', ')}]`;
    if (typeof value === 'object' && value !== null) return `{ ${this.properties(value, keysAreData).join(', ')} }`;
    return typeof value === 'string' ? this.text(value) : JSON.stringify(value);
  }

  /** A text; what refers to another resource becomes an expression. */
  private text(value: string): string {
    const reference = new RegExp(`^\\$\\{${this.address.source}\\.([a-z_]+)\\}$`).exec(value);
    if (reference && this.isResource(reference[1], reference[2])) {
      return `${this.write(reference[1], reference[2])}.${camelCase(reference[3])}`;
    }
    const parts: string[] = [];
    let rest = value;
    for (let match = this.address.exec(rest); match !== null; match = this.address.exec(rest)) {
      const [address, type, id] = match;
      const end = match.index + address.length;
      if (this.isResource(type, id)) {
        parts.push(JSON.stringify(`${rest.slice(0, match.index)}${type}.`));
        parts.push(`${this.write(type, id)}.friendlyUniqueId`);
      } else {
        parts.push(JSON.stringify(rest.slice(0, end)));
      }
      rest = rest.slice(end);
    }
    return [...parts, JSON.stringify(rest)].join(' + ');
  }

  private isResource(type: string, id: string): boolean {
    return id in (this.stack.resource?.[type] ?? {});
  }
}

function split(address: string): [type: string, id: string] {
  const dot = address.indexOf('.');
  return [address.slice(0, dot), address.slice(dot + 1)];
}
