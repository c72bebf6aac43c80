import { Docker, LABEL } from './docker';
import { Mask } from './mask';
import { Progress } from './progress';
import { Project } from './project';
import { StackFile } from './stack-file';
import { hasAirgap, Supply } from './supply';
import { idsInState, Terraform, TerraformState } from './terraform';

/** What the parts of one invocation of the command share. */
export class Session {
  public readonly docker = new Docker();
  public readonly mask = new Mask();
  private readonly initialised = new Map<string, Promise<Terraform>>();

  constructor(
    public readonly project: Project,
    public readonly progress: Progress,
    public readonly supply: Supply | undefined,
  ) {}

  /** Terraform for a stack, initialised. */
  public terraform(stack: StackFile): Promise<Terraform> {
    let made = this.initialised.get(stack.name);
    if (made === undefined) {
      const terraform = new Terraform(stack, this.supply, this.progress, this.mask, hasAirgap(this.project));
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

  /** Ids and names of the networks that this project's state of an environment owns and that exist. */
  public async ownNetworks(environment: string): Promise<Set<string>> {
    const networks = await this.docker.networks(`${LABEL.ENVIRONMENT}=${environment}`);
    const stack = StackFile.find(this.project, environment);
    // An environment that another program deploys: its networks are joined, whoever owns them.
    const known = stack === undefined ? undefined : idsInState(await this.state(stack), 'docker_network');
    const own = networks.filter((network) => known === undefined || known.has(network.id));
    return new Set(own.flatMap(({ id, name }) => [id, name]));
  }
}
