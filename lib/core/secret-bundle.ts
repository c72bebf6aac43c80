import { ITerraformDependable } from 'cdktf';
import { Construct } from 'constructs';
import { check } from './errors';
import { componentPath, physicalName } from './names';
import { Deployed, IPlatform } from './platform';
import { checkSecrets, Secret } from './secret';

/** What {@link SecretBundle} takes. */
export interface SecretBundleProps {
  readonly platform: IPlatform;
  /** Secrets by file name. */
  readonly secrets: Record<string, Secret>;
  /** Numeric `uid:gid` of the user who may read the files. */
  readonly owner: string;
}

/**
 * Secrets that are prepared once as files, for one or more workloads, also of another stack: another stack finds them
 * by name and never sees the values.
 */
export class SecretBundle extends Construct {
  /** A bundle that another stack of the same environment made. */
  public static fromName(scope: Construct, id: string, platform: IPlatform, name: string): SecretBundle {
    return new SecretBundle(scope, id, undefined, physicalName(platform.environment, name.split('/')));
  }

  /** A new bundle. */
  public static create(scope: Construct, id: string, props: SecretBundleProps): SecretBundle {
    return new SecretBundle(scope, id, props, undefined);
  }

  /** Physical name, for example `staging-model-credentials`. */
  public readonly physicalName: string;
  /** Path below the stack. */
  public readonly componentPath: string;
  /** What it was made from; undefined for a bundle of another stack. */
  public readonly props?: SecretBundleProps;
  private readonly deployed?: Deployed;

  private constructor(
    scope: Construct,
    id: string,
    props: SecretBundleProps | undefined,
    existing: string | undefined,
  ) {
    super(scope, id);
    this.props = props;
    this.componentPath = props === undefined ? '' : componentPath(this, props.platform.environment);
    this.physicalName = existing ?? physicalName(props!.platform.environment, this.componentPath.split('/'));
    if (props === undefined) return;
    check(
      typeof props.owner === 'string' && /^\d{1,9}:\d{1,9}$/.test(props.owner),
      this,
      'owner',
      props.owner,
      "write numbers: 'uid:gid'",
    );
    check(Object.keys(props.secrets).length > 0, this, 'secrets', props.secrets, 'give at least one');
    checkSecrets(this, 'secrets', props.secrets);
    this.deployed = props.platform.createSecretBundle(this);
  }

  /** What to depend on in order to come after it; nothing for a bundle of another stack. */
  public get dependables(): ITerraformDependable[] {
    return this.deployed?.dependables ?? [];
  }
}
