import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CommandError } from './command-error';
import { Project } from './project';

/** A resource of a synthesised stack. */
export interface StackResource {
  /** `docker_container.registry_0A1B2C`. */
  readonly address: string;
  /** `docker_container`. */
  readonly type: string;
  /** `registry/database`, or the address where the program wrote no path. */
  readonly path: string;
  /** Physical name, where it is a literal. */
  readonly name: string | undefined;
  /** Namespace on Kubernetes, where it is known; undefined for what is in none. */
  readonly namespace: string | undefined;
  /** What physical names look like, also where a part of them is known to Terraform only, such as an image's id. */
  readonly namePattern: RegExp;
  /** Labels with literal values. */
  readonly labels: Readonly<Record<string, string>>;
  /** All attributes as synthesised. */
  readonly attributes: Record<string, unknown>;
}

/** A port that a container of a stack publishes. */
export interface PublishedPort {
  readonly ip: string;
  readonly port: number;
  /** The container's resource. */
  readonly container: StackResource;
  /** Readable name of its resource. */
  readonly path: string;
}

/** A synthesised stack, read back. */
export class StackFile {
  /** The stack of that name in the project's output directory, or undefined when the last synth had none. */
  public static find(project: Project, name: string): StackFile | undefined {
    const manifest = readManifest(project);
    const entry = manifest?.stacks[name];
    return entry === undefined ? undefined : new StackFile(name, join(project.outDir, entry.workingDirectory));
  }

  /** Names of all stacks of the last synth. */
  public static names(project: Project): string[] {
    return Object.keys(readManifest(project)?.stacks ?? {}).sort();
  }

  /** Names of the environments that the stacks of the last synth belong to. */
  public static environments(project: Project): string[] {
    return [...new Set(StackFile.names(project).map((name) => StackFile.get(project, name).environment))].sort();
  }

  /** @throws CommandError when the last synth had no such stack */
  public static get(project: Project, name: string): StackFile {
    const stack = StackFile.find(project, name);
    if (stack === undefined) {
      throw new CommandError(`there is no stack '${name}'`, {
        remedy: `use one of: ${StackFile.names(project).join(', ') || '(the program declares none)'}.`,
      });
    }
    return stack;
  }

  public readonly resources: readonly StackResource[];
  /** The `terraform` block: backend and required providers. */
  public readonly settings: Record<string, unknown>;
  /** The settings of its providers, by their names. */
  public readonly providers: Readonly<Record<string, unknown>>;

  private constructor(
    public readonly name: string,
    /** Where Terraform runs. */
    public readonly directory: string,
  ) {
    const file = JSON.parse(readFileSync(join(directory, 'cdk.tf.json'), 'utf8')) as SynthesizedFile;
    this.settings = file.terraform ?? {};
    this.providers = file.provider ?? {};
    const byType = file.resource ?? {};
    this.resources = Object.entries(byType).flatMap(([type, byId]) =>
      Object.entries(byId).map(([id, attributes]) => {
        const physical = attributes.name ?? metadataOf(attributes)?.name;
        return {
          address: `${type}.${id}`,
          type,
          path: readablePath(name, attributes) ?? `${type}.${id}`,
          name: literal(physical),
          namespace: namespaceOf(attributes, byType),
          namePattern: pattern(physical),
          labels: labels(attributes),
          attributes,
        };
      }),
    );
  }

  /** Resources of one type. */
  public ofType(type: string): StackResource[] {
    return this.resources.filter((resource) => resource.type === type);
  }

  /** What it is deployed to, by its resources. */
  public get platform(): 'docker' | 'kubernetes' {
    const onKubernetes = this.resources.some(({ type }) => type.startsWith('kubernetes_'));
    return onKubernetes || this.providers.kubernetes !== undefined ? 'kubernetes' : 'docker';
  }

  /** What Terraform refuses to destroy. */
  public protectedResources(): StackResource[] {
    return this.resources.filter(({ attributes }) => blocks(attributes.lifecycle)[0]?.prevent_destroy === true);
  }

  /** The environment that it belongs to, from the labels of its objects; else the name without `-models`. */
  public get environment(): string {
    for (const { labels: own } of this.resources) {
      const label = own['cdktf-mlops.environment'];
      if (label !== undefined) return label;
    }
    return this.name.replace(/-models$/, '');
  }

  /** Whether it may be deployed, as far as can be told without Terraform: false when its local state holds nothing. */
  public get mayHaveState(): boolean {
    const backend = (this.settings.backend ?? { local: {} }) as Record<string, { readonly path?: string } | undefined>;
    if (backend.local === undefined || this.settings.cloud !== undefined) return true;
    // Another workspace keeps its state elsewhere.
    const workspace = join(this.directory, '.terraform', 'environment');
    if (process.env.TF_WORKSPACE !== undefined || existsSync(workspace)) return true;
    const file = resolve(this.directory, backend.local.path ?? 'terraform.tfstate');
    return existsSync(file) && /"type":/.test(readFileSync(file, 'utf8'));
  }

  /** `registry (container)`: what a person calls a resource. */
  public title(address: string): string {
    const plain = address.replace(/\[.*\]$/, '');
    const resource = this.resources.find((candidate) => candidate.address === plain);
    const type = plain
      .split('.')[0]
      .replace(/^docker_|^random_|^kubernetes_/, '')
      .replace(/_v\d$/, '')
      .replace(/_/g, ' ');
    if (resource?.type === 'docker_image' && resource.name !== undefined) {
      return `image ${resource.name}`;
    }
    const path = resource?.path ?? plain.split('.').slice(1).join('.');
    // `web/container (container)` says it twice.
    return `${path.endsWith(`/${type}`) ? path.slice(0, -type.length - 1) : path} (${type})`;
  }

  /** Every port that it publishes on the machine. */
  public publishedPorts(): PublishedPort[] {
    return this.ofType('docker_container').flatMap((container) =>
      blocks(container.attributes.ports).flatMap((port) =>
        typeof port.external === 'number'
          ? [
              {
                ip: literal(port.ip) ?? '0.0.0.0',
                port: port.external,
                container,
                path: container.path.replace(/\/container$/, ''),
              },
            ]
          : [],
      ),
    );
  }
}

/** Repeated blocks are a list, or one object where there is one. */
export function blocks(value: unknown): Array<Record<string, unknown>> {
  if (value === undefined || value === null) return [];
  return (Array.isArray(value) ? value : [value]) as Array<Record<string, unknown>>;
}

/** Kubernetes' `metadata` of a resource. */
export function metadataOf(attributes: Record<string, unknown>): Record<string, unknown> | undefined {
  return blocks(attributes.metadata)[0];
}

/** A namespace is written out, or refers to a resource of the same stack. */
function namespaceOf(
  attributes: Record<string, unknown>,
  byType: Record<string, Record<string, Record<string, unknown>>>,
): string | undefined {
  const namespace = metadataOf(attributes)?.namespace;
  const reference = /^\$\{(kubernetes_namespace\w*)\.([\w-]+)\./.exec(String(namespace));
  const owner = reference === null ? undefined : byType[reference[1]]?.[reference[2]];
  return literal(owner === undefined ? namespace : metadataOf(owner)?.name);
}

function labels(attributes: Record<string, unknown>): Record<string, string> {
  const own = metadataOf(attributes)?.labels;
  if (typeof own === 'object' && own !== null) {
    return Object.fromEntries(
      Object.entries(own).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    );
  }
  return Object.fromEntries(
    blocks(attributes.labels).flatMap(({ label, value }) =>
      typeof label === 'string' && typeof value === 'string' ? [[label, value]] : [],
    ),
  );
}

function literal(value: unknown): string | undefined {
  return typeof value === 'string' && !value.includes('${') ? value : undefined;
}

function pattern(name: unknown): RegExp {
  const parts = typeof name === 'string' && name !== '' ? name.split(/\$\{[^}]*\}/) : ['', ''];
  return new RegExp(`^${parts.map((part) => part.replace(/[^\w-]/g, '\\$&')).join('[\\w.-]+')}$`);
}

function readablePath(stack: string, attributes: Record<string, unknown>): string | undefined {
  const path = (attributes['//'] as { metadata?: { path?: string } } | undefined)?.metadata?.path;
  if (path === undefined) return undefined;
  const parts = path
    .split('/')
    .slice(1)
    .filter((part) => part !== 'Resource' && part !== 'Default');
  // The construct of a whole environment is called like it.
  return (parts[0] === stack.replace(/-models$/, '') ? parts.slice(1) : parts).join('/');
}

function readManifest(project: Project): Manifest | undefined {
  const file = join(project.outDir, 'manifest.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Manifest) : undefined;
}

interface Manifest {
  readonly stacks: Record<string, { readonly workingDirectory: string }>;
}

interface SynthesizedFile {
  readonly terraform?: Record<string, unknown>;
  readonly provider?: Record<string, unknown>;
  readonly resource?: Record<string, Record<string, Record<string, unknown>>>;
}
