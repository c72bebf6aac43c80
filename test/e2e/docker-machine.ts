import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ContainerInfo, Docker, LABEL, label } from '../../lib/cli/docker';
import { Machine, PythonRun, ROOT } from './machine';
import { ENVIRONMENT } from './program/environment';

/** A run against the local Docker Engine. */
export class DockerMachine extends Machine {
  public readonly docker = new Docker();
  private clients = 0;

  constructor() {
    super('.');
  }

  /** Ids of the containers that the states of both stacks know. */
  public knownContainers(...stacks: string[]): Set<string> {
    const ids = stacks
      .flatMap((stack) => this.state(stack).resources ?? [])
      .filter(({ type }) => type === 'docker_container')
      .flatMap(({ instances }) => instances ?? [])
      .map(({ attributes }) => attributes?.id);
    return new Set(ids.filter((id): id is string => typeof id === 'string'));
  }

  /** All containers of the environment. */
  public containers(): Promise<ContainerInfo[]> {
    return this.docker.containers(`${LABEL.ENVIRONMENT}=${ENVIRONMENT}`);
  }

  /** Runs it in the image that trains and serves, on the environment's network. */
  public async startPython(script: string, ...args: string[]): Promise<PythonRun> {
    const image = (await this.containers()).find((container) => label(container, LABEL.KIND) === 'job')!.Image;
    const login = this.registryLogin();
    const name = `cdktf-mlops-e2e-client-${process.pid}-${++this.clients}`;
    const environment = {
      HOME: '/tmp',
      LOGNAME: 'e2e',
      PYTHONDONTWRITEBYTECODE: '1',
      MLFLOW_TRACKING_URI: `http://${ENVIRONMENT}-registry:5000`,
      MLFLOW_TRACKING_USERNAME: login.username,
      MLFLOW_TRACKING_PASSWORD_FILE: '/tmp/password',
    };
    const run = 'umask 077; cat > /tmp/password; exec python3 "$@"';
    const running = this.start(
      'docker',
      [
        ...['run', '--rm', '--interactive', '--init', '--name', name, '--network', ENVIRONMENT],
        ...['--user', `${process.getuid?.() ?? 1000}:${process.getgid?.() ?? 1000}`, '--cap-drop', 'ALL'],
        ...Object.entries(environment).flatMap(([key, value]) => ['--env', `${key}=${value}`]),
        ...['--volume', `${join(ROOT, 'test', 'e2e', 'python')}:/e2e/test/e2e/python:ro`],
        ...['--volume', `${join(ROOT, 'examples')}:/e2e/examples:ro`, '--volume', `${this.scratch}:/state`],
        ...['--entrypoint', 'sh', image, '-c', run, 'sh', `/e2e/test/e2e/python/${script}`, ...args],
      ],
      { input: login.password },
    );
    const stop = async (): Promise<void> => void (await this.docker.run(['stop', '--time', '30', name]));
    return { ...running, stop };
  }

  public readState(file: string): Promise<string> {
    return Promise.resolve(readFileSync(join(this.scratch, file), 'utf8'));
  }

  public override async close(): Promise<void> {
    const mine = await this.docker.run(['ps', '-aq', '--filter', `name=^cdktf-mlops-e2e-client-${process.pid}-`]);
    const ids = mine.stdout.split('\n').filter((id) => id !== '');
    if (ids.length > 0) await this.docker.run(['rm', '--force', '--volumes', ...ids]);
    await super.close();
  }
}
