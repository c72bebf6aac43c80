/**
 * Deploys a whole environment on the local Docker Engine and shows, with figures, that it does what it should.
 *
 *   npm run e2e:docker            everything; E2E_KEEP=1 leaves the environment up when a check fails
 *
 * The environment is one of its own (`e2e`), beside whatever else runs on the Engine; images and plugins are those of
 * the project's own deploys.
 */
import { readFileSync, writeFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { App } from 'cdktf';
import { IMAGES_CONTEXT } from '../../lib/core/image';
import { problemOf } from '../../lib/cli/components';
import { remains } from '../../lib/cli/destroy';
import { ContainerInfo, LABEL, label } from '../../lib/cli/docker';
import { Progress } from '../../lib/cli/progress';
import { findProject } from '../../lib/cli/project';
import { buildAirgapImages, hasAirgap, prepareSupply, recordSupply } from '../../lib/cli/supply';
import { listSelectors } from '../../lib/monitoring/selectors';
import { childrenOf, eventually, Login, Machine, PythonRun, ROOT } from './machine';
import { declareEnvironment, ENVIRONMENT, PORTS, RELEASE_STACK } from './program/environment';
import { Settings, writeSettings } from './program/settings';
import { CheckFailed, expect, interruption, Report, RunEnded } from './report';
import { SecretSearch } from './secret-search';
import { searchEverywhere, searchFiles, secretsOf } from './secret-sources';
import { services } from './services';

const MODEL = 'cancer';
const PROJECT = join(ROOT, 'examples', 'models', MODEL);
const GATEWAY = `http://${ENVIRONMENT}-gateway:8080`;
const STACKS = [ENVIRONMENT, RELEASE_STACK] as const;
const BOTH = [`${LABEL.ENVIRONMENT}=${ENVIRONMENT}`];

/** Requests for each second while a release changes. */
const RATE = 25;
/** Below this a model would not be worth a release. */
const ACCURACY_FLOOR = 0.9;
/** Seconds after a model server's death by which the webhook has to know. */
const ALERT_WITHIN = 90;

const report = new Report();
const machine = new Machine();
let settings: Settings = {};

function change(changed: Partial<Settings>): void {
  settings = { ...settings, ...changed };
  writeSettings(settings);
}

const release = (shares: Record<number, number>): Pick<Settings, 'release'> => ({
  release: {
    models: {
      [MODEL]: { versions: Object.entries(shares).map(([version, share]) => ({ version: Number(version), share })) },
    },
  },
});

const runner = async (): Promise<ContainerInfo> =>
  (await machine.containers()).find((container) => label(container, LABEL.KIND) === 'job')!;

/** The login of the registry's administrator, as the outputs have it. */
function registryLogin(): Login {
  const value = machine.state(ENVIRONMENT).outputs?.credentials?.value;
  expect(typeof value === 'string', 'the stack has no output with credentials');
  return (JSON.parse(value) as Record<string, Login>).registry;
}

async function python(script: string, ...args: string[]): Promise<string> {
  return machine.python((await runner()).Image, registryLogin(), script, ...args);
}

async function startLoad(...args: string[]): Promise<PythonRun> {
  const fixed = ['--url', GATEWAY, '--expected', '/state/expected.json', '--rate', String(RATE), '--seconds', '600'];
  return machine.startPython((await runner()).Image, registryLogin(), 'steady_load.py', ...fixed, ...args);
}

/** Ends a load, and returns what it counted. */
async function endLoad(load: PythonRun, summary: string): Promise<LoadSummary> {
  await machine.docker.run(['stop', '--time', '30', load.name]);
  const { code, output } = await load.ended;
  const tail = output.trim().split('\n').slice(-8).join('\n');
  expect(code === 0, `the load ended with ${code}:\n${tail}`);
  return JSON.parse(readFileSync(join(machine.scratch, summary), 'utf8')) as LoadSummary;
}

interface LoadSummary {
  readonly sent: number;
  readonly ok: number;
  readonly failed: number;
  readonly versions: Record<string, number>;
  readonly latency_ms: Record<string, number>;
  readonly by_second: Record<string, Record<string, number>>;
}

const sum = (values: readonly number[] = []): number => values.reduce((total, value) => total + value, 0);

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

/** Plans both stacks with Terraform itself; returns what it says of changes. */
async function expectEmptyPlans(stacks: readonly string[]): Promise<string> {
  for (const stack of stacks) {
    const { code, output } = await machine.terraform(
      stack,
      ...['plan', '-detailed-exitcode', '-input=false', '-lock=false', '-no-color'],
    );
    const changes = output.split('\n').filter((line) => /^ {2}# |^Plan:|^Error|forces replacement/.test(line));
    expect(code === 0, `terraform plan of ${stack} ends with ${code}\n${changes.join('\n')}`);
  }
  return `terraform plan -detailed-exitcode ends with 0 for ${stacks.join(' and ')}`;
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

/** Images and plugins as the project's own deploys use them; built here only where nothing was deployed yet. */
async function prepare(): Promise<string> {
  const progress = new Progress();
  const project = findProject(ROOT);
  const supply = await prepareSupply(project, progress);
  if (supply.supply === 'airgap' && hasAirgap(project)) {
    const images = supply.context[IMAGES_CONTEXT] as Record<string, string>;
    const missing: string[] = [];
    for (const [key, reference] of Object.entries(images)) {
      if ((await machine.docker.imageId(reference)) === undefined) missing.push(key);
    }
    if (missing.length > 0) await buildAirgapImages(project, progress, missing);
  }
  recordSupply(machine.project, supply);
  change({});
  return `${supply.supply} supply`;
}

async function predictions(version: number): Promise<string> {
  const floor = ['--accuracy-floor', String(ACCURACY_FLOOR)];
  const said = await python(
    'compare_predictions.py',
    ...['--gateway', GATEWAY, '--model', MODEL, '--version', String(version), ...floor],
  );
  return said.split('\n').slice(-1)[0];
}

async function train(config: string, version: number): Promise<string> {
  const { output, seconds } = await machine.command(
    ...['train', ENVIRONMENT, '--project', PROJECT, '--register', MODEL, '-P', `config=config/${config}.yaml`],
  );
  expect(output.includes(`"version":"${version}"`) || output.includes(`"version": "${version}"`), output.slice(-800));
  return `version ${version} of ${MODEL} in ${seconds.toFixed(0)} s`;
}

async function targetsUp(): Promise<string> {
  const targets = await eventually('every target is up', 60, async () => {
    const all = await services.targets();
    const bad = all.filter(({ health }) => health !== 'up');
    if (bad.length > 0)
      throw new Error(bad.map((one) => `${one.labels.job}: ${one.health} ${one.lastError}`).join('; '));
    return all.some(({ labels }) => labels.job === 'models') ? all : undefined;
  });
  const jobs = new Set(targets.map(({ labels }) => labels.job));
  const declared = observed().flatMap(({ jobs: wanted = [] }) => wanted.map(({ name }) => name));
  const missing = declared.filter((name) => !jobs.has(name));
  expect(missing.length === 0, `jobs without a target: ${missing.join(', ')}`);
  const ups = await services.query('count(up == 1)');
  expect(ups[0]?.value === targets.length, `up == 1 for ${ups[0]?.value} of ${targets.length} targets`);
  return `${targets.length} of ${targets.length} targets of ${jobs.size} jobs`;
}

const observed = () => declareEnvironment(new App(), {}).monitoring!.observability;

async function selectors(): Promise<string> {
  const listed = listSelectors(observed());
  const distinct = [...new Set(listed.map(({ selector }) => selector))];
  const empty = new Set<string>();
  for (const selector of distinct) {
    if ((await services.query(`count(${selector})`)).length === 0) empty.add(selector);
  }
  const bare = listed.filter(({ selector, needs }) => empty.has(selector) && needs === undefined);
  expect(
    bare.length === 0,
    `no data, and no event named:\n${bare.map((one) => `${one.selector} (${one.where})`).join('\n')}`,
  );
  const waiting = new Map<string, string>();
  for (const { selector, needs } of listed) if (empty.has(selector)) waiting.set(selector, needs!);
  for (const [selector, needs] of waiting) report.note(`${selector} waits for: ${needs}`);
  return `${distinct.length - empty.size} of ${distinct.length} selectors (${listed.length} places) have data, ${waiting.size} wait for an event`;
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
  const answer = await fetch(`http://127.0.0.1:${PORTS.gateway}/v2/models/${MODEL}/versions/1/ready`);
  expect(answer.ok, `the recovered server answers ${answer.status}`);
  return `alert after ${(firing.at - killed).toFixed(1)} s, resolved ${(resolved.at - recovered).toFixed(1)} s after recovery`;
}

async function heartbeat(): Promise<string> {
  const beats = await eventually('two heartbeats at the webhook', 130, async () => {
    const posted = (await services.posted()).filter(({ path }) => path === '/heartbeat');
    return posted.length >= 2 ? posted : undefined;
  });
  const between = (beats[beats.length - 1].at - beats[0].at) / (beats.length - 1);
  expect(between < 90, `they come ${between.toFixed(0)} s apart, 60 s were wanted`);
  return `${beats.length} arrived, ${between.toFixed(0)} s apart`;
}

async function switchRelease(): Promise<string> {
  const said = await python(
    'expected_predictions.py',
    ...['--model', MODEL, '--version', '1', '--version', '2', '--output', '/state/expected.json'],
  );
  report.note(said.split('\n').slice(-1)[0]);
  const load = await startLoad('--want-version', '1', '--want-version', '2', '--summary', '/state/switch.json');
  await sleep(5_000);
  change(release({ 2: 100 }));
  const { seconds } = await machine.command('deploy', RELEASE_STACK, '--yes');
  await sleep(3_000);
  const { sent, ok, failed, versions, latency_ms: latency } = await endLoad(load, 'switch.json');
  const by = Object.entries(versions).map(([version, count]) => `v${version} ${count}`);
  return `sent ${sent}, ok ${ok}, failed ${failed} (${by.join(', ')}) at ${RATE}/s while a deploy of ${seconds.toFixed(0)} s switched 1 to 2; median ${latency.p50} ms, worst ${latency.max} ms`;
}

async function shareRelease(): Promise<string> {
  const load = await startLoad('--want-version', '1', '--want-version', '2', '--summary', '/state/shares.json');
  const began = Date.now();
  await sleep(2_000);
  change(release({ 1: 10, 2: 90 }));
  await machine.command('deploy', RELEASE_STACK, '--yes');
  const from = Math.ceil((Date.now() - began) / 1000) + 1;
  await sleep(14_000);
  const { sent, ok, failed, by_second: bySecond } = await endLoad(load, 'shares.json');
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
  const login = registryLogin();
  const before = await identities();
  const counted = await services.registryCounts(login);
  const until = Math.floor(Date.now() / 1000) - 15;
  // The number of series at each moment of ten minutes that are over.
  const past = { start: until - 600, end: until, step: 15 };
  const points = async (): Promise<number> => sum((await services.range('count({job=~".+"})', past))[0]);
  const metrics = await points();
  const variables = { ...settings.variables };
  for (const name of names) variables[name] = { ...variables[name], E2E_CHANGED: String(Date.now()) };
  change({ variables });
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
  await python('client_flow.py', 'verify', '--state', '/state/client.json');
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
  const url = `http://127.0.0.1:${PORTS.gateway}/v2/models/${MODEL}/versions/2/ready`;
  // The gateway finds its release again, and asks the servers in it for a moment before it sends them requests.
  await eventually('the new gateway serves', 20, async () => ((await fetch(url)).ok ? true : undefined));
  return `${gone.join(' and ')} are back after ${seconds.toFixed(0)} s`;
}

async function noSecrets(): Promise<string> {
  const secrets = secretsOf(STACKS.map((stack) => machine.state(stack)));
  const search = new SecretSearch(secrets);
  const searched = await searchEverywhere(machine, search, STACKS);
  for (const { where, bytes, found } of searched) {
    const what = found.map(({ secret, encoding }) => `${secret} (${encoding})`).join(', ');
    report.note(`${where}: ${(bytes / 2 ** 20).toFixed(1)} MiB, ${found.length === 0 ? 'nothing found' : what}`);
  }
  const leaks = searched.filter(({ found }) => found.length > 0);
  expect(leaks.length === 0, `secrets stand in ${leaks.map(({ where }) => where).join(', ')}`);
  const total = sum(searched.map(({ bytes }) => bytes));
  return `${Object.keys(secrets).length} secrets as ${search.size} texts, not in ${(total / 2 ** 20).toFixed(0)} MiB of ${searched.length} places`;
}

async function plantedSecrets(): Promise<string> {
  const secrets = secretsOf([machine.state(ENVIRONMENT)]);
  const search = new SecretSearch(secrets);
  const [name, value] = Object.entries(secrets)[0];
  const forms: Record<string, string> = {
    plain: `POSTGRES_PASSWORD=${value}`,
    base64: Buffer.from(`admin:${value}`).toString('base64'),
  };
  const copy = join(machine.scratch, 'planted');
  mkdirSync(copy, { recursive: true });
  const synthesised = readFileSync(join(machine.project.outDir, 'stacks', ENVIRONMENT, 'cdk.tf.json'), 'utf8');
  for (const [encoding, text] of Object.entries(forms)) {
    writeFileSync(join(copy, 'cdk.tf.json'), synthesised.replace('"env": [', `"env": [${JSON.stringify(text)},`));
    const { found } = await searchFiles(search, 'copy', copy);
    const seen = found.some((one) => one.secret === name && one.encoding === encoding);
    expect(seen, `a secret planted as ${encoding} was not found`);
  }
  return `found in a copy of cdktf.out, ${Object.keys(forms).join(' and ')}`;
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
  await expectEmptyPlans(STACKS);
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

async function checks(): Promise<void> {
  report.say(`Environment ${ENVIRONMENT}; everything that is said is in ${machine.log} until the end`);
  await report.check('images and plugins', prepare, true);
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
  await report.check('second plan is empty', () => expectEmptyPlans([ENVIRONMENT]));
  await report.check('train the baseline', () => train('baseline', 1), true);
  await report.check('train the forest', () => train('forest', 2), true);
  await report.check(
    'release version 1',
    async () => {
      change(release({ 1: 100 }));
      const { seconds } = await machine.command('deploy', RELEASE_STACK, '--yes');
      return `served after ${seconds.toFixed(1)} s`;
    },
    true,
  );
  await report.check('probabilities of version 1 through the gateway are those of the model', () => predictions(1));
  await report.check('an unmodified MLflow client logs and registers', async () => {
    await python('client_flow.py', 'write', '--state', '/state/client.json');
    return python('client_flow.py', 'verify', '--state', '/state/client.json');
  });
  await report.check('it is refused without the right credentials', () => python('client_flow.py', 'refused'));
  await report.check('every Prometheus target is up', targetsUp);
  await report.check('switching the release loses no request', switchRelease);
  await report.check('probabilities of version 2 through the gateway are those of the model', () => predictions(2));
  await report.check('changing shares loses no request', shareRelease);
  await report.check('every selector of every rule and panel has data', selectors);
  await report.check('the dead-man heartbeat arrives', heartbeat);
  await report.check('plans are empty when the preparations have ended', async () => {
    await eventually('the preparations have ended', 90, async () => {
      const running = (await machine.containers()).filter(
        (one) => label(one, LABEL.KIND) !== 'workload' && one.State.Running,
      );
      return running.length === 0 ? true : undefined;
    });
    return expectEmptyPlans(STACKS);
  });
  await report.check('killing a model server raises an alert, which resolves', killedServer);
  await report.check('a changed variable replaces the registry alone', () => changeVariable(['registry']));
  await report.check('and so it does where the data is', () =>
    changeVariable(['artifacts', 'database', 'monitoring/prometheus']),
  );
  await report.check('containers removed by hand are repaired', repair);
  await report.check('no secret stands where it may be read', noSecrets);
  await report.check('a planted secret is found', plantedSecrets);
  await report.check('destroy keeps the data that it was asked to keep', () => destroy(true), true);
  await report.check('an interrupted deploy leaves nothing behind', interrupted);
  await report.check('a killed deploy leaves a container behind', killed);
  await report.check('which the next deploy mends and completes', completed, true);
  await report.check('the kept data is there', async () => {
    const verified = await python('client_flow.py', 'verify', '--state', '/state/client.json');
    return `${verified}; ${JSON.stringify(await services.registryCounts(registryLogin()))}`;
  });
  await report.check('destroy leaves nothing', () => destroy(false));
}

async function main(): Promise<number> {
  // State, plans and logs are for their owner alone.
  process.umask(0o077);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (interruption.signal.aborted) process.exit(130);
      interruption.abort();
      report.say('Interrupted: cleaning up (once more to stop at once)');
      machine.interrupt();
    });
  }
  try {
    await checks();
  } catch (error) {
    if (!(error instanceof RunEnded)) throw error;
    report.say(error.message);
  } finally {
    await cleanUp();
  }
  const code = report.end();
  return interruption.signal.aborted ? 130 : code;
}

async function cleanUp(): Promise<void> {
  const keep = (process.env.E2E_KEEP ?? '') !== '' && process.env.E2E_KEEP !== '0';
  if (!keep) await removeLeftovers().catch((error: Error) => report.say(error.message));
  else report.say('The environment stays up, as E2E_KEEP says.');
  await machine.close();
}

if (process.argv.length > 2) {
  // It takes minutes and a good part of the machine: nobody starts it by asking how it is used.
  const asked = process.argv.slice(2).every((argument) => ['--help', '-h'].includes(argument));
  console.log(
    'Usage: npm run e2e:docker\n\nDeploys an environment of its own (e2e) on the local Docker Engine, checks it, and\n' +
      'removes it. E2E_KEEP=1 leaves it up when a check fails. It takes no arguments.',
  );
  process.exit(asked ? 0 : 1);
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error instanceof CheckFailed ? error.message : error);
    process.exitCode = 1;
  },
);
