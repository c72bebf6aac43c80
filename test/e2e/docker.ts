/**
 * Deploys a whole environment on the local Docker Engine and shows, with figures, that it does what it should.
 *
 *   npm run e2e:docker            everything; E2E_KEEP=1 leaves the environment up when a check fails
 *
 * The environment is one of its own (`e2e`), beside whatever else runs on the Engine; images and plugins are those of
 * the project's own deploys.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { problemOf } from '../../lib/cli/containers';
import { ContainerInfo, LABEL, label } from '../../lib/cli/docker';
import { remains } from '../../lib/cli/leftovers';
import { Checks, isReady, MODEL, release, STACKS, sum } from './checks';
import { DockerMachine } from './docker-machine';
import { childrenOf, eventually } from './machine';
import { ENVIRONMENT, RELEASE_STACK } from './program/environment';
import { expect, Report } from './report';
import { runEndToEnd } from './run';
import { SecretSearch } from './secret-search';
import { searchDocker, searchTerraform, secretsOf } from './secret-sources';
import { services } from './services';

const BOTH = [`${LABEL.ENVIRONMENT}=${ENVIRONMENT}`];

/** Seconds after a model server's death by which the webhook has to know. */
const ALERT_WITHIN = 90;

const report = new Report();
const machine = new DockerMachine();
const checks = new Checks(machine, report, `http://${ENVIRONMENT}-gateway:8080`, 'docker');

/** Names and ids of the environment's containers. */
async function identities(): Promise<Map<string, string>> {
  return new Map((await machine.containers()).map(({ Name, Id }) => [Name, Id]));
}

/** Names of the containers that are others than before, by kind. */
async function replacedSince(before: Map<string, string>): Promise<{ workloads: string[]; others: string[] }> {
  const now = await machine.containers();
  const replaced = now.filter(({ Name, Id }) => before.get(Name) !== Id);
  const names = (workload: boolean): string[] =>
    replaced
      .filter((container) => (label(container, LABEL.KIND) === 'workload') === workload)
      .map(({ Name }) => Name)
      .sort();
  return { workloads: names(true), others: names(false) };
}

async function healthy(): Promise<string> {
  const containers = await machine.containers();
  const problems = containers.flatMap((container) => problemOf(container) ?? []);
  const count = (kind: string): number => containers.filter((one) => label(one, LABEL.KIND) === kind).length;
  expect(problems.length === 0, problems.join('\n'));
  await machine.command('status', ENVIRONMENT);
  const workloads = count('workload');
  return `${workloads} services healthy, ${containers.length - workloads - count('job')} preparations done`;
}

async function killedServer(): Promise<string> {
  const server = (await machine.containers()).find(({ Name }) => Name.startsWith(`${ENVIRONMENT}-models-${MODEL}-v1`));
  expect(server !== undefined, 'there is no server of version 1');
  const isIts = (status: string, since: number) => async () =>
    (await services.posted()).find(
      ({ at, body }) =>
        at >= since &&
        body.alerts.some(
          ({ status: is, labels }) => is === status && labels.alertname === 'ModelServerDown' && labels.version === '1',
        ),
    );
  const killed = Date.now() / 1000;
  await machine.docker.out(['kill', '--signal', 'KILL', server.Id]);
  const firing = await eventually('the alert at the webhook', ALERT_WITHIN, isIts('firing', killed));
  report.note(`raised ${(firing.at - killed).toFixed(1)} s after the kill (at most ${ALERT_WITHIN})`);
  const { seconds } = await machine.command('deploy', RELEASE_STACK, '--yes');
  const recovered = Date.now() / 1000;
  report.note(`recovered by a deploy of ${RELEASE_STACK} in ${seconds.toFixed(1)} s`);
  const resolved = await eventually('the resolution at the webhook', 150, isIts('resolved', killed));
  expect(await isReady(1), 'the recovered server does not answer');
  return `alert after ${(firing.at - killed).toFixed(1)} s, resolved ${(resolved.at - recovered).toFixed(1)} s after recovery`;
}

async function shareRelease(): Promise<string> {
  const load = await checks.startLoad('shares.json', '--want-version', '1', '--want-version', '2');
  const began = Date.now();
  await sleep(2_000);
  checks.change(release({ 1: 10, 2: 90 }));
  await machine.command('deploy', RELEASE_STACK, '--yes');
  const from = Math.ceil((Date.now() - began) / 1000) + 1;
  await sleep(14_000);
  const { sent, ok, failed, by_second: bySecond } = await checks.endLoad(load, 'shares.json');
  const counts = { 1: 0, 2: 0 };
  for (const [second, versions] of Object.entries(bySecond)) {
    if (Number(second) < from) continue;
    counts[1] += versions['1'] ?? 0;
    counts[2] += versions['2'] ?? 0;
  }
  const share = (100 * counts[2]) / (counts[1] + counts[2]);
  expect(Math.abs(share - 90) <= 3, `version 2 answered ${share.toFixed(1)} % instead of 90 %`);
  return `sent ${sent}, ok ${ok}, failed ${failed}; after the change version 2 answered ${share.toFixed(1)} % of ${counts[1] + counts[2]}`;
}

async function changeVariable(names: readonly string[]): Promise<string> {
  const login = machine.registryLogin();
  const before = await identities();
  const counted = await services.registryCounts(login);
  const until = Math.floor(Date.now() / 1000) - 15;
  // The number of series at each moment of ten minutes that are over.
  const past = { start: until - 600, end: until, step: 15 };
  const points = async (): Promise<number> => sum((await services.range('count({job=~".+"})', past))[0]);
  const metrics = await points();
  const variables = { ...checks.settings.variables };
  for (const name of names) variables[name] = { ...variables[name], E2E_CHANGED: String(Date.now()) };
  checks.change({ variables });
  const { seconds } = await machine.command('deploy', ENVIRONMENT, '--yes');
  const { workloads, others } = await replacedSince(before);
  const wanted = names.map((name) => `${ENVIRONMENT}-${name.replace(/\//g, '-')}`).sort();
  expect(
    workloads.join() === wanted.join(),
    `replaced: ${[...workloads, ...others].join(', ')}; wanted: ${wanted.join(', ')}`,
  );
  report.note(`replaced ${workloads.join(', ')}; and of preparations: ${others.join(', ') || 'none'}`);
  const after = await eventually('the registry answers again', 60, () => services.registryCounts(login));
  expect(
    JSON.stringify(after) === JSON.stringify(counted),
    `before ${JSON.stringify(counted)}, after ${JSON.stringify(after)}`,
  );
  const same = await eventually('Prometheus answers again', 30, points);
  expect(metrics > 0 && same === metrics, `points of the ten minutes before: ${metrics} before, ${same} after`);
  await checks.verifyClient();
  const { runs, artifacts, versions } = after;
  return `deploy ${seconds.toFixed(0)} s; ${runs} runs, ${artifacts} artifacts, ${versions} versions, ${metrics} points of metrics before and after`;
}

async function repair(): Promise<string> {
  const gone = [`${ENVIRONMENT}-gateway`, `${ENVIRONMENT}-monitoring-pushgateway`];
  await machine.docker.out(['rm', '--force', ...gone]);
  const before = await identities();
  const { seconds } = await machine.command('deploy', ENVIRONMENT, '--yes');
  const { workloads } = await replacedSince(before);
  expect(workloads.join() === gone.sort().join(), `made: ${workloads.join(', ')}; wanted: ${gone.join(', ')}`);
  await healthy();
  // The gateway finds its release again, and asks the servers in it for a moment before it sends them requests.
  await eventually('the new gateway serves', 20, async () => ((await isReady(2)) ? true : undefined));
  return `${gone.join(' and ')} are back after ${seconds.toFixed(0)} s`;
}

async function noSecrets(): Promise<string> {
  const secrets = secretsOf(STACKS.map((stack) => machine.state(stack)));
  const search = new SecretSearch(secrets);
  const searched = [...(await searchTerraform(machine, search, STACKS)), ...(await searchDocker(machine, search))];
  return checks.judgeSearch(secrets, search.size, searched);
}

async function destroy(keepData: boolean): Promise<string> {
  const flags = keepData ? ['--yes', '--keep-data'] : ['--yes'];
  const began = Date.now();
  await machine.command('destroy', RELEASE_STACK, ...flags);
  await machine.command('destroy', ENVIRONMENT, ...flags);
  const seconds = (Date.now() - began) / 1000;
  const left = await remains(machine.docker, BOTH);
  const unwanted = left.filter((name) => !keepData || !name.startsWith('volume '));
  expect(unwanted.length === 0, `left: ${unwanted.join(', ')}`);
  expect(!keepData || left.length > 0, 'no volume was kept');
  return `${keepData ? `${left.length} volumes kept, no` : 'no'} container, network ${keepData ? '' : 'or volume '}left (${seconds.toFixed(0)} s)`;
}

async function interrupted(): Promise<string> {
  const deploy = machine.startCommand('deploy', ENVIRONMENT, '--yes');
  await eventually(
    'services are being made',
    120,
    async () => {
      const made = (await machine.containers()).filter((one) => label(one, LABEL.KIND) === 'workload');
      return made.length >= 4 ? made : undefined;
    },
    200,
  );
  process.kill(deploy.child.pid!, 'SIGINT');
  const { code } = await deploy.ended;
  expect(code === 130, `an interrupted deploy ends with ${code}, wanted 130`);
  const known = machine.knownContainers(ENVIRONMENT);
  const unknown = (await machine.containers()).filter(({ Id }) => !known.has(Id));
  expect(unknown.length === 0, `not in the state: ${unknown.map(({ Name }) => Name).join(', ')}`);
  return `ended with 130 after ${known.size} containers, all of them in the state`;
}

async function killed(): Promise<string> {
  const deploy = machine.startCommand('deploy', ENVIRONMENT, '--yes');
  const orphans = async (): Promise<ContainerInfo[]> => {
    const known = machine.knownContainers(ENVIRONMENT);
    return (await machine.containers()).filter(({ Id }) => !known.has(Id));
  };
  let pid: number | undefined;
  await eventually(
    'a container is being made',
    120,
    async () => {
      pid ??= childrenOf(deploy.child.pid!, 'terraform')[0];
      const making = (await orphans()).filter((one) => label(one, LABEL.KIND) === 'workload');
      return pid !== undefined && making.length > 0 ? making : undefined;
    },
    100,
  );
  process.kill(childrenOf(deploy.child.pid!, 'terraform')[0] ?? pid!, 'SIGKILL');
  const { code } = await deploy.ended;
  const left = (await orphans()).map(({ Name }) => Name);
  expect(code !== 0, 'a deploy whose Terraform was killed ended with 0');
  expect(left.length > 0, 'the kill left nothing outside of the state: nothing is shown');
  return `ended with ${code}; outside of the state: ${left.join(', ')}`;
}

async function completed(): Promise<string> {
  const { seconds } = await machine.command('deploy', ENVIRONMENT, '--yes');
  await machine.command('deploy', RELEASE_STACK, '--yes');
  const found = await healthy();
  await checks.expectEmptyPlans(STACKS);
  return `the next deploy ended with 0 in ${seconds.toFixed(0)} s; ${found}; plans empty`;
}

async function removeLeftovers(): Promise<void> {
  const left = await remains(machine.docker, BOTH);
  const state = STACKS.some((stack) => (machine.state(stack).resources ?? []).length > 0);
  if (left.length === 0 && !state) return;
  report.say(`Removing what an earlier run left: ${left.length} objects`);
  await machine.command('stop', ENVIRONMENT).catch((error: Error) => report.say(error.message));
  const still = await remains(machine.docker, BOTH);
  if (still.length === 0) return;
  for (const stack of [...STACKS].reverse()) await machine.command('clean', stack, '--force', '--data');
}

async function run(): Promise<void> {
  await report.check('images and plugins', () => checks.prepare(), true);
  await removeLeftovers();
  await report.check(
    'deploy',
    async () => {
      const { seconds } = await machine.command('deploy', ENVIRONMENT, '--yes');
      return `${machine.knownContainers(ENVIRONMENT).size} containers in ${seconds.toFixed(1)} s`;
    },
    true,
  );
  await report.check('every container is healthy or has ended with 0', healthy);
  await report.check('second plan is empty', () => checks.expectEmptyPlans([ENVIRONMENT]));
  await report.check('train the baseline', () => checks.train('baseline', 1), true);
  await report.check('train the forest', () => checks.train('forest', 2), true);
  await report.check('release version 1', () => checks.deployRelease({ 1: 100 }), true);
  await report.check('probabilities of version 1 through the gateway are those of the model', () =>
    checks.predictions(1),
  );
  await report.check('an unmodified MLflow client logs and registers', () => checks.client());
  await report.check('it is refused without the right credentials', () => checks.refused());
  await report.check('every Prometheus target is up', () => checks.targetsUp());
  await report.check('switching the release loses no request', () => checks.switchRelease());
  await report.check('probabilities of version 2 through the gateway are those of the model', () =>
    checks.predictions(2),
  );
  await report.check('changing shares loses no request', shareRelease);
  await report.check('every selector of every rule and panel has data', () => checks.selectors());
  await report.check('the dead-man heartbeat arrives', () => checks.heartbeat());
  await report.check('plans are empty when the preparations have ended', async () => {
    await eventually('the preparations have ended', 90, async () => {
      const running = (await machine.containers()).filter(
        (one) => label(one, LABEL.KIND) !== 'workload' && one.State.Running,
      );
      return running.length === 0 ? true : undefined;
    });
    return checks.expectEmptyPlans(STACKS);
  });
  await report.check('killing a model server raises an alert, which resolves', killedServer);
  await report.check('a changed variable replaces the registry alone', () => changeVariable(['registry']));
  await report.check('and so it does where the data is', () =>
    changeVariable(['artifacts', 'database', 'monitoring/prometheus']),
  );
  await report.check('containers removed by hand are repaired', repair);
  await report.check('no secret stands where it may be read', noSecrets);
  await report.check('a planted secret is found', () => checks.plantedSecrets());
  await report.check('destroy keeps the data that it was asked to keep', () => destroy(true), true);
  await report.check('an interrupted deploy leaves nothing behind', interrupted);
  await report.check('a killed deploy leaves a container behind', killed);
  await report.check('which the next deploy mends and completes', completed, true);
  await report.check('the kept data is there', async () => {
    const verified = await checks.verifyClient();
    return `${verified}; ${JSON.stringify(await services.registryCounts(machine.registryLogin()))}`;
  });
  await report.check('destroy leaves nothing', () => destroy(false));
}

runEndToEnd({
  report,
  machine,
  usage:
    'Usage: npm run e2e:docker\n\nDeploys an environment of its own (e2e) on the local Docker Engine, checks it, and\n' +
    'removes it. E2E_KEEP=1 leaves it up when a check fails. It takes no arguments.',
  checks: run,
  cleanUp: removeLeftovers,
});
