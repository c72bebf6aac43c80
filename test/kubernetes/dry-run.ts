/**
 * Sends everything that the shipped environments synthesise for a cluster to a real API server: as a dry-run, with
 * strict field validation, in namespaces that enforce what those of the environments enforce. What each workload, task
 * and job makes its pods from is sent as a pod too: only there Pod Security refuses instead of warning.
 *
 *   tsx test/kubernetes/dry-run.ts [KUBECONFIG]
 *
 * Makes four namespaces with service accounts, limits and quotas for as long as it runs, and removes them.
 */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Api, Answer } from './api';
import { KubernetesObject, objectsOf, podTemplateOf } from './objects';
import { IN_CLUSTER, shipped } from './shipped';

/** What pods need to be admitted, or what admits them. */
const FOR_REAL = ['Namespace', 'ServiceAccount', 'LimitRange', 'ResourceQuota'];

const outcomes = { passed: 0, failed: 0 };

function report(holds: boolean, text: string): void {
  outcomes[holds ? 'passed' : 'failed']++;
  console.log(`${holds ? 'ok  ' : 'FAIL'} ${text}`);
}

/** An environment of the same name may be there: everything goes to a namespace beside it. */
function aside(object: KubernetesObject): KubernetesObject {
  const text = JSON.stringify(object, (key, value: unknown) => (key === 'namespace' ? beside(String(value)) : value));
  const moved = JSON.parse(text) as KubernetesObject;
  const { name, namespace, generateName } = moved.metadata;
  if (name === undefined) return { ...moved, metadata: { ...moved.metadata, generateName } };
  return { ...moved, metadata: { ...moved.metadata, name: namespace === undefined ? beside(name) : name } };
}

function beside(name: string): string {
  return `dry-run-${name}`;
}

function podOf(object: KubernetesObject): KubernetesObject | undefined {
  const template = podTemplateOf(object);
  if (template === undefined) return undefined;
  const { namespace } = object.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    ...template,
    metadata: { ...template.metadata, generateName: 'pod-', namespace },
  };
}

function rootPod(namespace: string): KubernetesObject {
  const containers = [{ name: 'root', image: 'example.com/app:1', securityContext: { runAsUser: 0 } }];
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'root', namespace }, spec: { containers } };
}

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; tries < 120; tries++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error(`gave up after a minute: ${what}`);
}

async function sendAll(api: Api, objects: readonly KubernetesObject[], name: string): Promise<void> {
  const real = FOR_REAL.flatMap((kind) => objects.filter((object) => object.kind === kind));
  const namespaces = real.filter(({ kind }) => kind === 'Namespace');
  const problems: string[] = [];
  const kinds = new Map<string, number>();
  let warnings = 0;
  const note = (object: KubernetesObject, { status, body, warnings: told }: Answer) => {
    kinds.set(object.kind, (kinds.get(object.kind) ?? 0) + 1);
    const who = `${object.kind} ${object.metadata.name ?? object.metadata.labels?.['cdktf-mlops.component']}`;
    if (status >= 300) problems.push(`${who}: ${body.message}`);
    for (const warning of told) problems.push(`${who}: warning: ${warning}`);
    warnings += told.length;
  };
  try {
    for (const object of real) note(object, await api.create(object, false));
    // A pod needs the account that the cluster makes in each namespace.
    for (const { metadata } of namespaces) {
      const pod = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: metadata.name } };
      await until(async () => (await api.create(pod, true)).status === 409, `no default account in ${metadata.name}`);
    }
    for (const object of objects.filter((one) => !real.includes(one))) note(object, await api.create(object, true));
    for (const pod of objects.flatMap((object) => podOf(object) ?? [])) note(pod, await api.create(pod, true));
    const root = await api.create(rootPod(namespaces[0].metadata.name!), true);
    report(root.status === 403, `${name}: a pod of root is refused`);
  } finally {
    for (const namespace of namespaces) await api.delete(namespace);
    for (const namespace of namespaces) {
      const gone = async () => (await api.create(namespace, true)).status !== 409;
      await until(gone, `the namespace ${namespace.metadata.name} is not gone`);
    }
  }
  for (const problem of problems) console.log(`     ${problem}`);
  const count = [...kinds.values()].reduce((sum, each) => sum + each, 0);
  report(
    problems.length === 0,
    `${name}: ${count} objects sent, ${problems.length} refused or warned of (${warnings} warnings)`,
  );
  console.log(
    `     ${[...kinds]
      .sort()
      .map(([kind, number]) => `${number} ${kind}`)
      .join(', ')}`,
  );
}

async function main(): Promise<void> {
  const [given] = process.argv.slice(2);
  const api = new Api(given ?? process.env.KUBECONFIG ?? join(homedir(), '.kube/config'));
  try {
    for (const stage of IN_CLUSTER) {
      const objects = shipped(stage).flatMap(({ synthesised }) => objectsOf(synthesised));
      await sendAll(api, objects.map(aside), stage.name);
    }
    // What is right is let through; what is wrong must not be.
    const wrong = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', namespace: 'default' }, typo: {} };
    const { status } = await api.create(wrong, true);
    report(status === 400, 'an unknown field is refused');
  } finally {
    api.close();
  }
}

main()
  .catch((error: unknown) => {
    outcomes.failed++;
    console.log(`FAIL ${(error as Error).message}`);
  })
  .finally(() => {
    console.log(`${outcomes.passed} passed, ${outcomes.failed} failed`);
    process.exitCode = outcomes.failed === 0 ? 0 : 1;
  });
