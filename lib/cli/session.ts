import { Docker } from './docker';
import { DockerPlatform } from './docker-platform';
import { Kubernetes, kubeConfigOf } from './kubernetes';
import { KubernetesPlatform } from './kubernetes-platform';
import { Mask } from './mask';
import { Platform } from './platform';
import { Progress } from './progress';
import { Project } from './project';
import { StackFile } from './stack-file';
import { hasAirgap, Supply } from './supply';
import { Terraform, TerraformState } from './terraform';

/** What the parts of one invocation of the command share. */
export class Session {
  public readonly docker = new Docker();
  public readonly mask = new Mask();
  private readonly initialised = new Map<string, Promise<Terraform>>();
  private readonly platforms = new Map<string, Platform>();

  constructor(
    public readonly project: Project,
    public readonly progress: Progress,
    public readonly supply: Supply | undefined,
  ) {}

  /** Where a stack runs. */
  public platformOf(stack: StackFile): Platform {
    const config = stack.platform === 'kubernetes' ? kubeConfigOf(stack) : undefined;
    const key = JSON.stringify(config ?? 'docker');
    let made = this.platforms.get(key);
    if (made === undefined) {
      made = config === undefined ? new DockerPlatform(this) : new KubernetesPlatform(this, new Kubernetes(config));
      this.platforms.set(key, made);
    }
    return made;
  }

  /**
   * Where an environment runs: as the stack of its name, or another one that belongs to it. One that the project does
   * not declare, another program may have deployed to where this one deploys.
   */
  public platformOfEnvironment(environment: string): Platform {
    const stacks = StackFile.names(this.project).map((name) => StackFile.get(this.project, name));
    const stack =
      this.environmentStacks(environment)[0] ??
      stacks.find((candidate) => candidate.environment === environment) ??
      stacks[0];
    return stack === undefined ? new DockerPlatform(this) : this.platformOf(stack);
  }

  /** The platforms of these stacks, each once. */
  public platformsOf(stacks: readonly StackFile[]): Platform[] {
    return [...new Set(stacks.map((stack) => this.platformOf(stack)))];
  }

  /** The stacks that make up an environment, the environment itself first. */
  public environmentStacks(environment: string): StackFile[] {
    return [environment, `${environment}-models`].flatMap((name) => StackFile.find(this.project, name) ?? []);
  }

  /** Terraform for a stack, initialised. */
  public terraform(stack: StackFile): Promise<Terraform> {
    let made = this.initialised.get(stack.name);
    if (made === undefined) {
      const terraform = new Terraform(stack, {
        supply: this.supply,
        progress: this.progress,
        mask: this.mask,
        hasAirgap: hasAirgap(this.project),
        env: this.platformOf(stack).terraformEnv,
      });
      made = terraform.init().then(() => terraform);
      this.initialised.set(stack.name, made);
    }
    return made;
  }

  /**
   * The state of a stack, or undefined when it was never deployed from here. Where that can be told without Terraform,
   * Terraform isn't asked: it would want its plugins first.
   */
  public async state(stack: StackFile): Promise<TerraformState | undefined> {
    return stack.mayHaveState ? (await this.terraform(stack)).state() : undefined;
  }
}
