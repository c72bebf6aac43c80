import { CommandError, EXIT } from './command-error';
import { ContainerInfo, Docker } from './docker';
import { Mask } from './mask';
import { StackFile } from './stack-file';
import { Diagnostic, TerraformFailure } from './terraform';

/** What is known about an error text, and what to do about it. */
const REMEDIES: ReadonlyArray<readonly [RegExp, string]> = [
  [
    /port is already allocated|address already in use/i,
    'another program has the port: stop it, or give the component another port. `cdktf-mlops doctor` names the program.',
  ],
  [/no space left on device/i, 'free some disk space (`docker system df` tells what images take), then run it again.'],
  [
    /non-overlapping IPv4 address pool|all predefined address pools/i,
    'the Engine has no addresses left for another network: remove networks that nobody uses (`docker network ls`).',
  ],
  [
    /pull access denied|manifest unknown|No such image|not found.*image|unable to (find|pull|read).*image|failed to pull/i,
    'the image is not to be had: build ours with `cdktf-mlops images`; for others see that the image registry answers, ' +
      "name a mirror in the context 'cdktf-mlops:imageMirror'<airgap>.",
  ],
  [
    /Cannot connect to the Docker daemon|is the docker daemon running/i,
    'run `cdktf-mlops doctor`: it starts the Engine where it may.',
  ],
  [
    /Error acquiring the state lock/i,
    'somebody else works on this stack: wait for them. When their process has died (see Who and Created above), release ' +
      'the lock with `terraform force-unlock <ID>` in the directory of the stack.',
  ],
  [
    /plugin did not respond|plugin crashed|plugin exited|rpc error: code = Unavailable/i,
    'the provider plugin crashed, and what it was making may stand outside of the state: run `cdktf-mlops deploy <stack>` ' +
      'again, which clears that away first.',
  ],
  [
    /Instance cannot be destroyed|prevent_destroy/i,
    'this data is protected. Taking the protection off is a change of its own: set it in the configuration, deploy that, then try again.',
  ],
  [
    /name ".*" is already in use/i,
    'a container of that name exists that Terraform does not know: `cdktf-mlops clean <stack>` tells whose it is and removes it when it is ours.',
  ],
];

/**
 * Turns a failed Terraform run into one message: the cause, for each workload that is not healthy its state, its last
 * health check and its last log lines, and the remedy. Secrets are hidden.
 */
export async function explainFailure(
  failure: TerraformFailure,
  stack: StackFile,
  docker: Docker,
  mask: Mask,
  airgap = false,
): Promise<CommandError> {
  if (failure.interrupted) {
    return new CommandError(`interrupted during ${failure.verb} of ${stack.name}; what was begun is in the state`, {
      remedy: 'run the same command again: it goes on where it stopped.',
      exitCode: EXIT.INTERRUPTED,
    });
  }
  const log: string[] = [];
  const unhealthy: string[] = [];
  for (const diagnostic of failure.diagnostics) {
    if (log.length > 0) log.push('');
    log.push(...describe(diagnostic, stack));
    const container = await containerOf(diagnostic, stack, docker);
    if (container === undefined) continue;
    const lines = await describeContainer(container, docker);
    if (lines.length === 0) continue;
    unhealthy.push(container.Name);
    log.push(...lines);
  }
  if (failure.diagnostics.length === 0) log.push(...failure.rest.slice(-15));
  const text = log.join('\n');
  const known = REMEDIES.find(([pattern]) => pattern.test(text))?.[1]
    .replace('<stack>', stack.name)
    .replace('<airgap>', airgap ? ', or choose `cdktf-mlops supply airgap`' : '');
  const message =
    unhealthy.length > 0
      ? `${stack.name} is not deployed: ${unhealthy.join(' and ')} did not become healthy`
      : `terraform ${failure.verb} failed for ${stack.name}`;
  return new CommandError(mask.apply(message), {
    log: mask.apply(text).split('\n'),
    remedy:
      known ??
      (unhealthy.length > 0
        ? `mend what the log shows, then run the same command again; \`docker logs ${unhealthy[0]}\` shows all of it.`
        : 'mend what the lines above name, then run the same command again.'),
    cause: failure,
  });
}

/** State, last health check and last log lines of a container; nothing when it runs and is healthy. */
export async function describeContainer(container: ContainerInfo, docker: Docker, lines = 30): Promise<string[]> {
  const { State: state } = container;
  const health = state.Health?.Status;
  if (state.Running && (health === undefined || health === 'healthy')) return [];
  const facts = [
    health !== undefined && state.Running ? `${state.Status}, ${health}` : state.Status,
    ...(state.Running || state.Status === 'created' ? [] : [`exit code ${state.ExitCode}`]),
    ...(state.OOMKilled ? ['killed for lack of memory: raise its memory limit'] : []),
    ...(container.RestartCount > 0 ? [`restarted ${container.RestartCount} times`] : []),
    ...(state.Error === '' || state.Error === undefined ? [] : [state.Error]),
  ];
  const probe = state.Health?.Log?.at(-1);
  const output = await docker.lastLog(container.Name, lines);
  return [
    `${container.Name}: ${facts.join(', ')}`,
    ...(probe === undefined || probe.ExitCode === 0
      ? []
      : [
          `  last health check (exit code ${probe.ExitCode}): ${probe.Output.trim().split('\n').slice(-3).join(' / ') || '(it said nothing)'}`,
        ]),
    ...(output.length === 0
      ? ['  its log is empty']
      : ['  its last log lines:', ...output.map((line) => `    ${line}`)]),
  ];
}

function describe(diagnostic: Diagnostic, stack: StackFile): string[] {
  const where = diagnostic.address === undefined ? '' : `${stack.title(diagnostic.address)}: `;
  const detail = diagnostic.detail.split('\n').filter((line) => line.trim() !== '');
  return [`${where}${diagnostic.summary}`, ...detail.slice(0, 12).map((line) => `  ${line}`)];
}

async function containerOf(
  diagnostic: Diagnostic,
  stack: StackFile,
  docker: Docker,
): Promise<ContainerInfo | undefined> {
  const address = diagnostic.address?.replace(/\[.*\]$/, '');
  const resource = stack.ofType('docker_container').find((candidate) => candidate.address === address);
  return resource === undefined ? undefined : (await docker.containersOf(resource))[0];
}
