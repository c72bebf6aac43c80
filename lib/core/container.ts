import { Construct } from 'constructs';
import { ConfigFile } from './config-file';
import { Endpoint } from './endpoint';
import { check } from './errors';
import { Image } from './image';
import { componentPath, physicalName } from './names';
import { Deployed, IPlatform } from './platform';
import { Resources } from './resources';
import { checkNoSecret, checkSecrets, Secret } from './secret';
import { SecretBundle } from './secret-bundle';
import { Volume } from './volume';
import { checkWords } from './words';

/** What services, preparations and jobs have in common. */
export interface ContainerProps {
  /** Where it runs. */
  readonly platform: IPlatform;
  readonly image: Image;
  /** Replaces the image's entrypoint. @default - the image's */
  readonly entrypoint?: string[];
  /** Arguments of the entrypoint. Never a secret: command lines are readable. @default - the image's */
  readonly command?: string[];
  /** Environment variables. Never a secret: use `secrets`. @default - none */
  readonly environment?: Record<string, string>;
  /** Ordinary files. @default - none */
  readonly files?: ConfigFile[];
  /**
   * Secrets, by file name: each is a file `/run/secrets/<name>` that only the workload's user can read. When one
   * changes, the workload is replaced. @default - none
   */
  readonly secrets?: Record<string, Secret>;
  /** Secrets that were prepared elsewhere, mounted at `/run/secrets`; excludes `secrets`. @default - none */
  readonly secretBundle?: SecretBundle;
  /** @default - none */
  readonly volumes?: Volume[];
  /** Limits. @default - none */
  readonly resources?: Resources;
  /** Numeric `uid:gid`. @default - the image's user */
  readonly user?: string;
  /** Linux capabilities to keep, for example `CAP_NET_BIND_SERVICE`; all others are dropped. @default - none kept */
  readonly capabilities?: string[];
  /** Mount the root file system read-only. Docker can't place `files` then. @default false */
  readonly readOnlyRoot?: boolean;
  /** What it talks to inside the environment; on Kubernetes nothing else is reachable. @default - nothing */
  readonly reaches?: Endpoint[];
  /** What must be healthy before it starts. @default - nothing */
  readonly dependsOn?: Container[];
}

/** Directory of secret files in every workload. */
export const SECRETS_DIRECTORY = '/run/secrets';

/** Base of {@link Workload}, {@link Task} and {@link Job}: checks what they share and names them. */
export abstract class Container extends Construct {
  /** `registry/database`: the path below the stack, as names and labels use it. */
  public readonly componentPath: string;
  /** Physical name, for example `staging-registry-database`. */
  public readonly physicalName: string;
  /** The platform it runs on. */
  public readonly platform: IPlatform;
  /** What the platform made. Filled in by the subclass's constructor. */
  protected deployed?: Deployed;

  protected constructor(
    scope: Construct,
    id: string,
    /** What it was made from. */
    public readonly spec: ContainerProps,
  ) {
    super(scope, id);
    check(
      spec.platform instanceof Object,
      this,
      'platform',
      spec.platform,
      'say where it runs: a DockerPlatform or a KubernetesPlatform',
    );
    check(spec.image instanceof Object, this, 'image', spec.image, 'give Image.fromRegistry or Image.fromCatalog');
    this.platform = spec.platform;
    this.componentPath = componentPath(this, spec.platform.environment);
    this.physicalName = physicalName(spec.platform.environment, this.componentPath.split('/'));
    this.checkContainer(spec);
  }

  /** What to depend on in order to come after it. */
  public get dependables() {
    return this.deployed?.dependables ?? [];
  }

  private checkContainer(spec: ContainerProps): void {
    check(
      spec.secrets === undefined || spec.secretBundle === undefined,
      this,
      'secretBundle',
      'given beside secrets',
      'give either secrets or secretBundle',
    );
    checkSecrets(this, 'secrets', spec.secrets ?? {});
    for (const prop of ['entrypoint', 'command'] as const) {
      checkWords(this, prop, spec[prop]);
      for (const [index, word] of (spec[prop] ?? []).entries()) checkNoSecret(this, `${prop}[${index}]`, word);
    }
    for (const [name, value] of Object.entries(spec.environment ?? {})) {
      check(/^[A-Za-z_][A-Za-z0-9_]*$/.test(name), this, 'environment', name, 'name it with letters, digits and _');
      check(typeof value === 'string', this, `environment.${name}`, value, 'give a string');
      check(!value.includes('\u0000'), this, `environment.${name}`, value, 'leave out NUL characters');
      checkNoSecret(this, `environment.${name}`, value);
    }
    for (const file of spec.files ?? []) checkNoSecret(this, `files.${file.path}`, file.content);
    if (spec.user !== undefined) {
      check(
        typeof spec.user === 'string' && /^\d{1,9}(:\d{1,9})?$/.test(spec.user),
        this,
        'user',
        spec.user,
        "write numbers: 'uid' or 'uid:gid'",
      );
    }
    for (const capability of spec.capabilities ?? []) {
      check(/^CAP_[A-Z_]+$/.test(capability), this, 'capabilities', capability, "write it as 'CAP_NET_BIND_SERVICE'");
    }
    const paths = [...(spec.files ?? []).map((f) => f.path), ...(spec.volumes ?? []).map((v) => v.mountPath)];
    const twice = paths.find((path, index) => paths.indexOf(path) !== index);
    check(twice === undefined, this, 'files and volumes', twice, 'use each path once');
    if (spec.secretBundle !== undefined || Object.keys(spec.secrets ?? {}).length > 0) {
      const hidden = paths.find((path) => path === SECRETS_DIRECTORY || path.startsWith(`${SECRETS_DIRECTORY}/`));
      check(hidden === undefined, this, 'files and volumes', hidden, 'choose another path: its secrets are there');
    }
    const names = (spec.volumes ?? []).map((v) => v.name).filter((name) => name !== undefined);
    const sameName = names.find((name, index) => names.indexOf(name) !== index);
    check(sameName === undefined, this, 'volumes', sameName, 'name each volume differently');
  }
}
