/**
 * Starts a Kubernetes cluster of one node on this machine, deploys a whole environment on it and shows, with figures,
 * that it does what it should; then removes all of it.
 *
 *   npm run e2e:kubernetes        everything; E2E_KEEP=1 leaves environment and cluster up
 *
 * A cluster that runs already is used, and left running.
 */
import { join } from 'node:path';
import { KubeObject } from '../../lib/cli/kubernetes';
import { lastLines } from '../../lib/cli/process';
import { keyOf, objectsInState } from '../../lib/cli/kubernetes-objects';
import { Checks, isReady, MODEL, release, STACKS } from './checks';
import { KubernetesMachine } from './kubernetes-machine';
import { childrenOf, eventually, ROOT } from './machine';
import { ENVIRONMENT, RELEASE_STACK } from './program/environment';
import { expect, Report } from './report';
import { runEndToEnd } from './run';
import { SecretSearch } from './secret-search';
import { searchKubernetes, searchTerraform, secretsOf } from './secret-sources';
import { services } from './services';

const GATEWAY = `http://${ENVIRONMENT}-gateway.${ENVIRONMENT}.svc.cluster.local:8080`;
const STAGING = 'staging';
/** Servers of each version: one that is lost must leave another. */
const REPLICAS = 2;
/** A version that nobody trained. */
const MISSING_VERSION = 99;
/** Seconds within which a version that cannot start has to be given up. */
const GIVEN_UP_WITHIN = 420;
/** Everything that a deploy makes and that is not made by what it makes. */
const KINDS =
  'namespaces,deployments.apps,statefulsets.apps,daemonsets.apps,jobs.batch,cronjobs.batch,services,configmaps,secrets,' +
  'serviceaccounts,persistentvolumeclaims,networkpolicies.networking.k8s.io,roles.rbac.authorization.k8s.io,' +
  'rolebindings.rbac.authorization.k8s.io,clusterroles.rbac.authorization.k8s.io,' +
  'clusterrolebindings.rbac.authorization.k8s.io,poddisruptionbudgets.policy,' +
  'horizontalpodautoscalers.autoscaling,limitranges,resourcequotas';

const report = new Report();
const machine = new KubernetesMachine();
const checks = new Checks(machine, report, GATEWAY, 'kubernetes');

/** What of the machine a cluster may change, as it was before; undefined when the cluster is not ours. */
let before: string | undefined;

/** What the API server had counted before the first deploy. */
let evaluated = new Map<string, number>();

async function clusterUp(): Promise<string> {
  if ((await machine.clusterCommand('status')).code === 0) {
    await machine.joinCluster();
    return 'one runs already: it is used, and left running';
  }
  before = (await machine.clusterCommand('snapshot')).stdout;
  const { code, output } = await machine.clusterCommand('up');
  expect(code === 0, lastLines(output, 12).join('\n'));
  await machine.joinCluster();
  return lastLines(output, 2)[0];
}

async function pushImages(): Promise<string> {
  // What the stacks use is pushed: the release's too.
  checks.change(release({ 1: 100 }, REPLICAS));
  const { output, seconds } = await machine.command('images', '--push', machine.registry);
  const pushed = new Set(output.match(/@sha256:[0-9a-f]{64}/g));
  expect(pushed.size > 0, 'no image was pushed');
  return `${pushed.size} images by digest, in ${seconds.toFixed(0)} s`;
}

/** Objects of the environment that carry a stack's label and are made by nobody else. */
async function made(environment = ENVIRONMENT): Promise<KubeObject[]> {
  const all = await machine.objects(KINDS, `cdktf-mlops.environment=${environment}`);
  return all.filter(
    ({ metadata }) => (metadata.ownerReferences ?? []).length === 0 && metadata.labels?.['cdktf-mlops.kind'] !== 'run',
  );
}

/** Objects that no state knows. */
async function unknown(): Promise<string[]> {
  const known = new Set(STACKS.flatMap((stack) => objectsInState(machine.state(stack)).map(({ uid }) => uid)));
  return (await made()).filter(({ metadata }) => !known.has(metadata.uid)).map(keyOf);
}

async function available(environment = ENVIRONMENT): Promise<string> {
  const workloads = await machine.workloads(environment);
  const counts = workloads.map(({ kind, metadata, spec, status = {} }) => ({
    name: `${kind} ${metadata.name}`,
    wanted: (kind === 'DaemonSet' ? status.desiredNumberScheduled : spec.replicas) as number,
    ready: (kind === 'DaemonSet' ? status.numberAvailable : status.availableReplicas) as number | undefined,
  }));
  const bad = counts.filter(({ wanted, ready = 0 }) => ready < wanted);
  expect(bad.length === 0, bad.map(({ name, wanted, ready = 0 }) => `${name}: ${ready} of ${wanted}`).join('\n'));
  expect(counts.length > 0, 'there is no workload');
  await machine.command('status', environment);
  const pods = counts.reduce((total, { wanted }) => total + wanted, 0);
  return `${counts.length} workloads with ${pods} replicas`;
}

/** How often the API server found that a pod may, or may not, be under the standard, by the labels of its counter. */
async function evaluations(): Promise<Map<string, number>> {
  const metrics = await machine.kubectl('get', '--raw', '/metrics');
  const lines = [...metrics.matchAll(/^pod_security_evaluations_total\{([^}]*)\} (\d+)/gm)];
  return new Map(
    lines.flatMap(([, labels, value]) =>
      labels.includes('policy_level="restricted"') ? [[labels, Number(value)] as const] : [],
    ),
  );
}

/** What the API server counted since the first deploy, and said, of the Pod Security standards. */
async function podSecurity(): Promise<string> {
  let allowed = 0;
  const denied: string[] = [];
  for (const [labels, count] of await evaluations()) {
    const since = count - (evaluated.get(labels) ?? 0);
    if (labels.includes('decision="allow"')) allowed += since;
    else if (since > 0) denied.push(`${since} times ${labels}`);
  }
  expect(denied.length === 0, `refused, audited or warned of:\n${denied.join('\n')}`);
  expect(allowed > 0, 'the API server evaluated nothing under restricted: nothing is shown');
  const events = JSON.parse(await machine.kubectl('get', 'events', '--all-namespaces', '--output=json')) as {
    items: Array<{ readonly message?: string }>;
  };
  const told = events.items.flatMap(({ message = '' }) => (/PodSecurity/.test(message) ? [message] : []));
  expect(told.length === 0, told.join('\n'));
  const labels = (await machine.objects('namespaces')).map(({ metadata }) => {
    const level = (mode: string): string => metadata.labels?.[`pod-security.kubernetes.io/${mode}`] ?? 'none';
    return `${metadata.name} ${[...new Set(['enforce', 'audit', 'warn'].map(level))].join('/')}`;
  });
  return `${allowed} evaluations under restricted, 0 refused, audited or warned of; ${labels.join(', ')}`;
}

async function killServer(): Promise<string> {
  return checks.underLoad('kill', [2], async () => {
    const servers = await machine.pods(`models.${MODEL}.v2`);
    expect(servers.length === REPLICAS, `there are ${servers.length} servers of version 2, wanted ${REPLICAS}`);
    const [{ metadata }] = servers;
    const began = Date.now();
    await machine.kubectl('delete', 'pod', metadata.name, `--namespace=${metadata.namespace}`, '--now', '--wait=false');
    await eventually('another server in its place', 180, async () => {
      const now = (await machine.pods(`models.${MODEL}.v2`)).filter(({ metadata: { name } }) => name !== metadata.name);
      return now.filter(ready).length === REPLICAS ? true : undefined;
    });
    return `another one in place of ${metadata.name} after ${((Date.now() - began) / 1000).toFixed(0)} s`;
  });
}

function ready({ status }: KubeObject): boolean {
  const conditions = (status?.conditions ?? []) as Array<{ readonly type: string; readonly status: string }>;
  return conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True');
}

async function rollGateway(): Promise<string> {
  return checks.underLoad('gateway', [2], async () => {
    const old = (await machine.pods('gateway')).map(({ metadata }) => metadata.uid);
    checks.change({ variables: { ...checks.settings.variables, gateway: { E2E_CHANGED: String(Date.now()) } } });
    const { seconds } = await machine.command('deploy', ENVIRONMENT, '--yes');
    const now = await eventually('the old gateway is gone', 90, async () => {
      const pods = await machine.pods('gateway');
      return pods.some(({ metadata }) => old.includes(metadata.uid)) ? undefined : pods;
    });
    return `${old.length} pods of the gateway replaced by ${now.length}, deploy ${seconds.toFixed(0)} s`;
  });
}

async function brokenVersion(): Promise<string> {
  const workload = `${ENVIRONMENT}-models-${MODEL}-v${MISSING_VERSION}`;
  const said = await checks.underLoad('broken', [2], async () => {
    checks.change(release({ [MISSING_VERSION]: 100 }, REPLICAS));
    const { code, output, seconds } = await machine.startCommand('deploy', RELEASE_STACK, '--yes').ended;
    expect(code === 1, `the deploy ended with ${code}, wanted 1`);
    expect(seconds <= GIVEN_UP_WITHIN, `it was given up after ${seconds.toFixed(0)} s, wanted ${GIVEN_UP_WITHIN}`);
    const told = output.slice(output.lastIndexOf('is not deployed'));
    expect(told.includes(workload), `the message does not name ${workload}:\n${told.slice(0, 1500)}`);
    const reason = /CrashLoopBackOff|exit code \d+|restarted \d+ times/.exec(told)?.[0];
    const log = /RESOURCE_DOES_NOT_EXIST|not found|does not exist/i.exec(told)?.[0];
    expect(reason !== undefined && log !== undefined, `the message does not say why:\n${told.slice(0, 3000)}`);
    return `given up after ${seconds.toFixed(0)} s, says '${workload}', '${reason}' and '${log}'`;
  });
  await checks.deployRelease({ 2: 100 }, REPLICAS);
  await checks.expectEmptyPlans([RELEASE_STACK]);
  expect((await machine.pods(`models.${MODEL}.v${MISSING_VERSION}`)).length === 0, 'its pods are left');
  return said;
}

/** Takes away database and artifacts with all that stands on them, makes them anew, empty, and restores the backup. */
async function backupAndRestore(): Promise<string> {
  const describe = (file: string): Promise<string> =>
    machine.python('registry_digest.py', '--output', `/state/${file}.json`);
  const had = await describe('before');
  const backup = await machine.command('backup', ENVIRONMENT);
  const served = machine.state(RELEASE_STACK);
  const lost = ['database', 'artifacts'];
  const targets = (machine.state(ENVIRONMENT).resources ?? []).filter(
    ({ type, name }) =>
      type === 'kubernetes_persistent_volume_claim_v1' &&
      lost.some((path) => name.startsWith(`${ENVIRONMENT}_${path}_`)),
  );
  expect(targets.length === lost.length, `claims to destroy: ${targets.map(({ name }) => name).join(', ') || 'none'}`);
  const destroyed = await machine.terraform(
    ENVIRONMENT,
    ...['destroy', '-auto-approve', '-no-color', ...targets.map(({ type, name }) => `-target=${type}.${name}`)],
  );
  expect(destroyed.code === 0, lastLines(destroyed.output, 12).join('\n'));
  await machine.command('deploy', ENVIRONMENT, '--yes');
  const empty = await describe('empty');
  expect(empty.startsWith('0 runs, 0 versions, 0 artifacts'), `after the loss there are still ${empty}`);
  const restored = await machine.command('restore', ENVIRONMENT, '--yes');
  const has = await describe('after');
  expect(has === had, `before: ${had}\nafter:  ${has}`);
  const now = machine.state(RELEASE_STACK);
  expect(now.serial === served.serial && now.lineage === served.lineage, 'the state of the release was changed');
  await checks.expectEmptyPlans(STACKS);
  const answers = await checks.predictions(2);
  report.note(answers);
  return (
    `${has}; backup ${backup.seconds.toFixed(0)} s, restore ${restored.seconds.toFixed(0)} s; ` +
    `the state of the release is number ${now.serial} as before`
  );
}

async function noSecrets(): Promise<string> {
  const secrets = secretsOf(STACKS.map((stack) => machine.state(stack)));
  const search = new SecretSearch(secrets);
  const searched = [...(await searchTerraform(machine, search, STACKS)), ...(await searchKubernetes(machine, search))];
  return checks.judgeSearch(secrets, search.size, searched);
}

async function staging(): Promise<string> {
  const { seconds } = await machine.command('deploy', STAGING, '--yes');
  const found = await available(STAGING);
  const plan = await checks.expectEmptyPlans([STAGING]);
  await machine.command('destroy', STAGING, '--yes');
  const left = (await made(STAGING)).map(keyOf);
  expect(left.length === 0, `left: ${left.join(', ')}`);
  return `${found} after ${seconds.toFixed(0)} s; ${plan}; destroyed, nothing left`;
}

/** What the shipped environments synthesise, sent to this API server as a strict dry-run. */
async function dryRun(): Promise<string> {
  const program = join(ROOT, 'test', 'kubernetes', 'dry-run.ts');
  const { code, output } = await machine.start(process.execPath, ['--import', 'tsx', program]).ended;
  const bad = output.split('\n').filter((line) => line.startsWith('FAIL'));
  expect(code === 0, [...bad, ...lastLines(output, 3)].join('\n'));
  return lastLines(output, 1)[0];
}

async function destroy(keepData: boolean): Promise<string> {
  await machine.endForward();
  const flags = keepData ? ['--yes', '--keep-data'] : ['--yes'];
  const began = Date.now();
  for (const stack of [...STACKS].reverse()) await machine.command('destroy', stack, ...flags);
  const seconds = (Date.now() - began) / 1000;
  const left = (await made()).map(keyOf);
  const unwanted = left.filter((key) => !keepData || !/^(PersistentVolumeClaim|Namespace) /.test(key));
  expect(unwanted.length === 0, `left: ${unwanted.join(', ')}`);
  if (keepData) {
    expect(left.length > 0, 'no claim was kept');
    return `${left.length} claims and namespaces kept, nothing else left (${seconds.toFixed(0)} s)`;
  }
  await eventually('the volumes are gone', 60, async () => {
    const volumes = JSON.parse(await machine.kubectl('get', 'persistentvolumes', '--output=json')) as {
      items: KubeObject[];
    };
    return volumes.items.some(({ spec }) => spec.claimRef?.namespace === ENVIRONMENT) ? undefined : true;
  });
  return `no object of ${KINDS.split(',').length} kinds and no volume left (${seconds.toFixed(0)} s)`;
}

async function interrupted(): Promise<string> {
  const deploy = machine.startCommand('deploy', ENVIRONMENT, '--yes');
  await eventually(
    'workloads are being made',
    180,
    async () => ((await machine.workloads()).length >= 4 ? true : undefined),
    300,
  );
  process.kill(deploy.child.pid!, 'SIGINT');
  const { code } = await deploy.ended;
  expect(code === 130, `an interrupted deploy ends with ${code}, wanted 130`);
  const outside = await unknown();
  expect(outside.length === 0, `not in the state: ${outside.join(', ')}`);
  return `ended with 130 after ${(await made()).length} objects, all of them in the state`;
}

async function killed(): Promise<string> {
  const deploy = machine.startCommand('deploy', ENVIRONMENT, '--yes');
  const making = async (): Promise<boolean> => (await unknown()).some((key) => /^(Deployment|StatefulSet) /.test(key));
  const pid = await eventually(
    'a workload is being made',
    180,
    async () => ((await making()) ? childrenOf(deploy.child.pid!, 'terraform')[0] : undefined),
    100,
  );
  process.kill(pid, 'SIGKILL');
  const { code } = await deploy.ended;
  const left = await unknown();
  expect(code !== 0, 'a deploy whose Terraform was killed ended with 0');
  expect(left.length > 0, 'the kill left nothing outside of the state: nothing is shown');
  return `ended with ${code}; outside of the state: ${left.join(', ')}`;
}

async function completed(): Promise<string> {
  const { seconds } = await machine.command('deploy', ENVIRONMENT, '--yes');
  await machine.command('deploy', RELEASE_STACK, '--yes');
  machine.forward();
  const found = await available();
  await checks.expectEmptyPlans(STACKS);
  return `the next deploy ended with 0 in ${seconds.toFixed(0)} s; ${found}; plans empty`;
}

async function clusterDown(): Promise<string> {
  await machine.endForward();
  const { code, output, seconds } = await machine.clusterCommand('down');
  expect(code === 0, output);
  const after = (await machine.clusterCommand('snapshot')).stdout;
  const lines = (text: string): Set<string> => new Set(text.split('\n'));
  const [was, is] = [lines(before!), lines(after)];
  const changed = [
    ...[...is].filter((line) => !was.has(line)).map((line) => `+ ${line}`),
    ...[...was].filter((line) => !is.has(line)).map((line) => `- ${line}`),
  ];
  expect(changed.length === 0, `the machine is not as it was before:\n${changed.join('\n')}`);
  before = undefined;
  return `down in ${seconds.toFixed(0)} s; ${is.size} lines about kernel settings, links, rules, mounts, processes as before`;
}

async function removeLeftovers(): Promise<void> {
  for (const environment of [ENVIRONMENT, STAGING]) {
    const left = await made(environment);
    if (left.length === 0) continue;
    report.say(`Removing what an earlier run left: ${left.length} objects of ${environment}`);
    await machine.command('stop', environment).catch((error: Error) => report.say(error.message));
    if ((await made(environment)).length === 0) continue;
    const stacks = environment === ENVIRONMENT ? [...STACKS].reverse() : [environment];
    for (const stack of stacks) await machine.command('clean', stack, '--force', '--data');
  }
}

async function run(): Promise<void> {
  await report.check('cluster up', clusterUp, true);
  await report.check('images and plugins', () => checks.prepare(), true);
  await report.check('images are pushed', pushImages, true);
  await removeLeftovers();
  await report.check(
    'deploy',
    async () => {
      evaluated = await evaluations();
      const { seconds } = await machine.command('deploy', ENVIRONMENT, '--yes');
      return `${(await made()).length} objects in ${seconds.toFixed(1)} s`;
    },
    true,
  );
  machine.forward();
  await report.check('every workload is available', available);
  await report.check('second plan is empty', () => checks.expectEmptyPlans([ENVIRONMENT]));
  await report.check('train the baseline as a Job', () => checks.train('baseline', 1), true);
  await report.check('train the forest as a Job', () => checks.train('forest', 2), true);
  await report.check('release version 1', () => checks.deployRelease({ 1: 100 }, REPLICAS), true);
  await report.check('probabilities of version 1 through the gateway are those of the model', () =>
    checks.predictions(1),
  );
  await report.check('an unmodified MLflow client logs and registers', () => checks.client());
  await report.check('it is refused without the right credentials', () => checks.refused());
  await report.check('every Prometheus target is up', () => checks.targetsUp());
  await report.check('no request is lost while the model server rolls to another version', () =>
    checks.switchRelease(),
  );
  await report.check('probabilities of version 2 through the gateway are those of the model', () =>
    checks.predictions(2),
  );
  await report.check('no request is lost while a model server is killed', killServer);
  await report.check('no request is lost while the gateway rolls', rollGateway);
  await report.check('every selector of every rule and panel has data', () => checks.selectors());
  await report.check('the dead-man heartbeat arrives', () => checks.heartbeat());
  await report.check('a version that cannot start changes nothing, and is explained', brokenVersion);
  await report.check('plans are empty', () => checks.expectEmptyPlans(STACKS));
  await report.check('database and artifacts are destroyed and restored', backupAndRestore);
  await report.check('no pod violates the Pod Security standard', podSecurity);
  await report.check('no secret stands where it may be read', noSecrets);
  await report.check('a planted secret is found', () => checks.plantedSecrets());
  // It sends what has to be refused, too, so that Pod Security is looked at before it.
  await report.check('a strict dry-run of the shipped environments', dryRun);
  await report.check('destroy keeps the data that it was asked to keep', () => destroy(true), true);
  await report.check('an interrupted deploy leaves nothing behind', interrupted);
  await report.check('a killed deploy leaves a workload behind', killed);
  await report.check('which the next deploy mends and completes', completed, true);
  await report.check('the kept data is there', async () => {
    const counts = await eventually('the registry answers', 60, () => services.registryCounts(machine.registryLogin()));
    await eventually('the gateway serves', 60, async () => ((await isReady(2)) ? true : undefined));
    return `${await checks.predictions(2)}; ${JSON.stringify(counts)}`;
  });
  await report.check('destroy leaves nothing', () => destroy(false));
  // Alone: two environments ask for more than two cores.
  await report.check('the data of staging runs on Kubernetes', staging);
  if (before !== undefined) await report.check('cluster down, and the machine is as it was', clusterDown);
}

async function cleanUp(): Promise<void> {
  await machine.endForward();
  if (machine.registry === '') return;
  // The cluster takes all along that is in it.
  if (before === undefined) await removeLeftovers();
  else await machine.clusterCommand('down');
}

runEndToEnd({
  report,
  machine,
  usage:
    'Usage: npm run e2e:kubernetes\n\nStarts a Kubernetes cluster on this machine, deploys an environment (e2e) on it, checks\n' +
    'it, and removes both. E2E_KEEP=1 leaves them up. A cluster that runs already is used, and left running. It takes no\n' +
    'arguments.',
  checks: run,
  cleanUp,
});
