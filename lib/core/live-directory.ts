import { ITerraformDependable } from 'cdktf';
import { Construct } from 'constructs';
import { checkContent } from './config-file';
import { Endpoint } from './endpoint';
import { check } from './errors';
import { componentPath, physicalName } from './names';
import { Deployed, IPlatform } from './platform';
import { checkNoSecret } from './secret';
import { Workload } from './workload';

/** What {@link LiveDirectory} takes. */
export interface LiveDirectoryProps {
  readonly platform: IPlatform;
  /** Numeric `uid:gid` of the user who reads the files and confirms that they are in use. */
  readonly owner: string;
}

/**
 * A small directory through which one stack hands files to running workloads of another, which load them without a
 * restart and find them again after one.
 */
export class LiveDirectory extends Construct {
  /** A directory that another stack of the same environment made. */
  public static fromName(scope: Construct, id: string, platform: IPlatform, name: string): LiveDirectory {
    return new LiveDirectory(scope, id, undefined, physicalName(platform.environment, name.split('/')));
  }

  /** A new directory. */
  public static create(scope: Construct, id: string, props: LiveDirectoryProps): LiveDirectory {
    return new LiveDirectory(scope, id, props, undefined);
  }

  /** Physical name, for example `staging-release`. */
  public readonly physicalName: string;
  /** Path below the stack. */
  public readonly componentPath: string;
  /** What it was made from; undefined for a directory of another stack. */
  public readonly props?: LiveDirectoryProps;
  private readonly deployed?: Deployed;

  private constructor(
    scope: Construct,
    id: string,
    props: LiveDirectoryProps | undefined,
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
    this.deployed = props.platform.createLiveDirectory(this);
  }

  /** What to depend on in order to come after it; nothing for a directory of another stack. */
  public get dependables(): ITerraformDependable[] {
    return this.deployed?.dependables ?? [];
  }
}

/** What {@link PublishedFiles} takes. */
export interface PublishedFilesProps {
  readonly platform: IPlatform;
  readonly directory: LiveDirectory;
  /** Text of each file, by file name. */
  readonly files: Record<string, string>;
  /** Files whose readers say when they use them; a deploy waits for it. @default - none */
  readonly confirm?: Confirmation[];
  /** Seconds to wait for the confirmations. @default 60 */
  readonly timeoutSeconds?: number;
  /**
   * Workloads that the files name: they are healthy before the files are published, and gone only after the files that
   * no longer name them are in use. On Docker they need `UpdateStrategy.CREATE_FIRST`. @default - none
   */
  readonly names?: Workload[];
}

/**
 * How a reader of a file says that it uses it. Which way is taken is the platform's: where reader and publisher share a
 * volume, the reader writes the same bytes to `<file>.loaded`, or the reason why not to `<file>.error`, with which the
 * deploy fails; where they do not, every replica of the reader is asked.
 */
export interface Confirmation {
  /** Name of the file. */
  readonly file: string;
  /** URL inside the environment at which each replica tells what it uses. */
  readonly url: string;
  /** Text that the answer holds once it uses this content. */
  readonly text: string;
}

/** Files put into a {@link LiveDirectory}. A change publishes the new ones before the old publication is given up. */
export class PublishedFiles extends Construct {
  /** What it was made from. */
  public readonly props: PublishedFilesProps;
  /** Path below the stack. */
  public readonly componentPath: string;
  private readonly deployed: Deployed;

  constructor(scope: Construct, id: string, props: PublishedFilesProps) {
    super(scope, id);
    this.props = props;
    this.componentPath = componentPath(this, props.platform.environment);
    for (const name of Object.keys(props.files)) {
      check(/^[a-z0-9][a-z0-9.-]*$/.test(name), this, 'files', name, "use lower-case letters, digits, '.' and '-'");
    }
    for (const [name, content] of Object.entries(props.files)) {
      checkContent(this, `files.${name}`, content);
      checkNoSecret(this, `files.${name}`, content);
    }
    for (const { file, url, text } of props.confirm ?? []) {
      Endpoint._fromUrl(this, 'confirm.url', url);
      check(/^[\w":]+$/.test(text), this, 'confirm.text', text, "use letters, digits, '_', '\"' and ':'");
      check(
        Object.hasOwn(props.files, file),
        this,
        'confirm',
        file,
        `name one of the files: ${Object.keys(props.files).join(', ')}`,
      );
    }
    this.deployed = props.platform.publishFiles(this);
  }

  /** What to depend on in order to come after it. */
  public get dependables(): ITerraformDependable[] {
    return this.deployed.dependables;
  }
}
