import { CommandError, EXIT } from './command-error';
import { Finding } from './platform';
import { Session } from './session';
import { StackFile } from './stack-file';
import { hasAirgap } from './supply';
import { Diagnostic, TerraformFailure } from './terraform';

/** What is known about an error text wherever it comes from, and what to do about it. */
const REMEDIES: ReadonlyArray<readonly [RegExp, string]> = [
  [
    /pull access denied|manifest unknown|No such image|not found.*image|unable to (find|pull|read).*image|failed to pull/i,
    'the image is not to be had: build ours with `cdktf-mlops images`; for others see that the image registry answers, ' +
      "name a mirror in the context 'cdktf-mlops:imageMirror'<airgap>.",
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
    'this data is protected. `cdktf-mlops unprotect <environment>` takes the protection off, and says what loses it; then ' +
      'run the same command again.',
  ],
];

/**
 * Turns a failed Terraform run into one message: the cause, for each workload that is not healthy its state, its last
 * health check and its last log lines, and the remedy. Secrets are hidden.
 */
export async function explainFailure(
  failure: TerraformFailure,
  stack: StackFile,
  session: Session,
): Promise<CommandError> {
  const { mask } = session;
  const platform = session.platformOf(stack);
  if (failure.interrupted) {
    return new CommandError(`interrupted during ${failure.verb} of ${stack.name}; what was begun is in the state`, {
      remedy: 'run the same command again: it goes on where it stopped.',
      exitCode: EXIT.INTERRUPTED,
    });
  }
  const log: string[] = [];
  const said: string[] = [];
  const unhealthy: Finding[] = [];
  for (const diagnostic of failure.diagnostics) {
    if (log.length > 0) log.push('');
    const described = describe(diagnostic, stack);
    log.push(...described);
    said.push(...described);
    const address = diagnostic.address?.replace(/\[.*\]$/, '');
    const finding = address === undefined ? undefined : await platform.explain(stack, address);
    if (finding === undefined) continue;
    unhealthy.push(finding);
    log.push(...finding.lines);
  }
  if (failure.diagnostics.length === 0) {
    log.push(...failure.rest.slice(-15));
    said.push(...log);
  }
  // Not what a workload's log says: there the same words mean something else.
  const cause = said.join('\n');
  const known = [...platform.remedies, ...REMEDIES]
    .find(([pattern]) => pattern.test(cause))?.[1]
    .replace('<stack>', stack.name)
    .replace('<environment>', stack.environment)
    .replace('<airgap>', hasAirgap(session.project) ? ', or choose `cdktf-mlops supply airgap`' : '');
  const message =
    unhealthy.length > 0
      ? `${stack.name} is not deployed: ${unhealthy.map(({ name }) => name).join(' and ')} did not become healthy`
      : `terraform ${failure.verb} failed for ${stack.name}`;
  return new CommandError(mask.apply(message), {
    log: mask.apply(log.join('\n')).split('\n'),
    remedy:
      unhealthy.find(({ remedy }) => remedy !== undefined)?.remedy ??
      known ??
      (unhealthy.length > 0
        ? `mend what the log shows, then run the same command again; \`${platform.logCommand(unhealthy[0].name)}\` shows all of it.`
        : 'mend what the lines above name, then run the same command again.'),
    cause: failure,
  });
}

function describe(diagnostic: Diagnostic, stack: StackFile): string[] {
  const where = diagnostic.address === undefined ? '' : `${stack.title(diagnostic.address)}: `;
  const detail = diagnostic.detail.split('\n').filter((line) => line.trim() !== '');
  return [`${where}${diagnostic.summary}`, ...detail.slice(0, 12).map((line) => `  ${line}`)];
}
