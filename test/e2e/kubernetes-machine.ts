import { delimiter, join } from 'node:path';
import { KubeObject } from '../../lib/cli/kubernetes';
import { lastLines } from '../../lib/cli/process';
import { Ended, Machine, PythonRun, ROOT, Running } from './machine';
import { CLIENT, CLIENT_ROOT, ENVIRONMENT } from './program/environment';
import { CheckFailed } from './report';

const CLUSTER = join(ROOT, 'airgap', 'kubernetes', 'cluster.sh');

/** Objects that run pods and go on doing so. */
const WORKLOADS = 'deployments.apps,statefulsets.apps,daemonsets.apps';

/** A run against a cluster of one node on this machine. */
export class KubernetesMachine extends Machine {
  /** Registry to which images are pushed, and from which the cluster pulls. */
  public registry = '';
  private cluster: Record<string, string> = {};
  private clients = 0;
  private forwarding?: Running;

  constructor() {
    super('kubernetes');
  }

  protected override get env(): Record<string, string> {
    return this.cluster;
  }

  /** Runs the program that starts and stops the cluster. */
  public clusterCommand(verb: string): Promise<Ended> {
    return this.start(CLUSTER, [verb], { cwd: ROOT }).ended;
  }

  /** From here on, every program works on the cluster that runs. */
  public async joinCluster(): Promise<void> {
    const names = ['KUBECONFIG', 'PATH', 'NO_PROXY', 'CDKTF_MLOPS_REGISTRY'];
    const print = `eval "$("$0" env)" && printf '%s\\n' ${names.map((name) => `"$${name}"`).join(' ')}`;
    const told = (await this.start('bash', ['-c', print, CLUSTER], { cwd: ROOT }).ended).stdout.split('\n');
    this.cluster = Object.fromEntries(names.map((name, index) => [name, told[index]]));
    this.cluster.KUBE_CONFIG_PATH = this.cluster.KUBECONFIG;
    this.registry = this.cluster.CDKTF_MLOPS_REGISTRY;
    // Parts of our command that are called as functions look for kubectl in this process's own environment.
    process.env.PATH = this.cluster.PATH.split(delimiter)[0] + delimiter + process.env.PATH;
    process.env.KUBECONFIG = this.cluster.KUBECONFIG;
  }

  /** @throws CheckFailed with its last lines unless kubectl ends with 0. Returns what it printed. */
  public async kubectl(...args: string[]): Promise<string> {
    const { code, output, stdout } = await this.start('kubectl', args).ended;
    if (code === 0) return stdout;
    throw new CheckFailed(
      `kubectl ${args.slice(0, 3).join(' ')} ended with ${code}: ${lastLines(output, 5).join(' / ')}`,
    );
  }

  /** Objects of these kinds in all namespaces, with this label selector. */
  public async objects(kinds: string, selector = `cdktf-mlops.environment=${ENVIRONMENT}`): Promise<KubeObject[]> {
    const output = await this.kubectl('get', kinds, '--all-namespaces', `--selector=${selector}`, '--output=json');
    return (JSON.parse(output) as { items: KubeObject[] }).items;
  }

  /** Pods of the environment, or of one component of it (`models.cancer.v1`). */
  public pods(component?: string): Promise<KubeObject[]> {
    const selector = [`cdktf-mlops.environment=${ENVIRONMENT}`];
    if (component !== undefined) selector.push(`cdktf-mlops.component=${component}`);
    return this.objects('pods', selector.join(','));
  }

  /** What runs pods and goes on doing so. */
  public workloads(environment = ENVIRONMENT): Promise<KubeObject[]> {
    return this.objects(WORKLOADS, `cdktf-mlops.environment=${environment}`);
  }

  public async startPython(script: string, ...args: string[]): Promise<PythonRun> {
    const [pod] = (await this.pods(CLIENT)).filter(
      ({ status, metadata }) => status.phase === 'Running' && metadata.deletionTimestamp === undefined,
    );
    if (pod === undefined) throw new CheckFailed('the pod of the clients does not run');
    const { name, namespace } = pod.metadata;
    const inside = ['exec', '--stdin', `--namespace=${namespace}`, name, '--'];
    const login = this.registryLogin();
    const pid = `/state/${++this.clients}.pid`;
    const run =
      `umask 077; cat >/state/password; echo $$ >${pid}; ` + 'export MLFLOW_TRACKING_USERNAME="$0"; exec python3 "$@"';
    const running = this.start(
      'kubectl',
      [...inside, 'sh', '-c', run, login.username, `${CLIENT_ROOT}/test/e2e/python/${script}`, ...args],
      { input: login.password },
    );
    const stop = async (): Promise<void> => void (await this.kubectl(...inside, 'sh', '-c', `kill $(cat ${pid})`));
    return { ...running, stop };
  }

  public async readState(file: string): Promise<string> {
    const [pod] = await this.pods(CLIENT);
    return this.kubectl(
      'exec',
      `--namespace=${pod.metadata.namespace}`,
      pod.metadata.name,
      '--',
      'cat',
      `/state/${file}`,
    );
  }

  /** Opens the published ports on this machine until {@link close}. */
  public forward(): void {
    this.forwarding ??= this.startCommand('forward', ENVIRONMENT);
  }

  /** Closes them, for what asks nothing over HTTP, or removes what they lead to. */
  public async endForward(): Promise<void> {
    this.forwarding?.child.kill('SIGINT');
    await this.forwarding?.ended;
    this.forwarding = undefined;
  }

  public override async close(): Promise<void> {
    await this.endForward();
    await super.close();
  }
}
