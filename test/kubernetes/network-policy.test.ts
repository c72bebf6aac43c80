import { Endpoint, Job, PublishedFiles, Task, Workload } from '../../lib';
import { Stage } from '../../stacks/environment';
import { NetworkPolicies, OUTSIDE, Pod } from './network-policy';
import { KubernetesObject, objectsOf, podTemplateOf } from './objects';
import { IN_CLUSTER, shipped } from './shipped';

/** Somebody who may connect, and whom. Names are component paths. */
interface Edge {
  readonly from: string;
  readonly to: string;
  readonly port: number;
}

/** A pod, and the ports that it listens on. */
interface Member extends Pod {
  readonly path: string;
  readonly ports: readonly number[];
}

interface Cluster {
  readonly objects: readonly KubernetesObject[];
  readonly members: readonly Member[];
  /** What workloads, tasks, jobs and publications declare: constructs, not policies. */
  readonly edges: readonly Edge[];
  /** Outside of the cluster. */
  readonly out: readonly { readonly from: string; readonly port: number }[];
}

function clusterOf(stage: Stage): Cluster {
  const stacks = shipped(stage);
  const objects = stacks.flatMap(({ synthesised }) => objectsOf(synthesised));
  const members = objects.flatMap((object): Member[] => {
    const template = podTemplateOf(object);
    if (template === undefined) return [];
    const { labels } = template.metadata;
    const ports = (template.spec.containers[0].ports ?? []).map(({ containerPort }) => containerPort);
    return [
      {
        path: labels['cdktf-mlops.component'].replaceAll('.', '/'),
        namespace: object.metadata.namespace!,
        labels,
        ports,
      },
    ];
  });
  const edges: Edge[] = [];
  const out: { from: string; port: number }[] = [];
  const constructs = stacks.flatMap(({ stack }) => stack.node.findAll());
  const workloads = constructs.filter((one) => one instanceof Workload);
  const reach = (from: string, { host, port }: Endpoint) => {
    const to = workloads.find(({ platform, componentPath }) => platform.hostOf(componentPath) === host)?.componentPath;
    if (to === undefined) out.push({ from, port });
    else edges.push({ from, to, port });
  };
  for (const one of constructs) {
    if (one instanceof Workload || one instanceof Task || one instanceof Job) {
      for (const endpoint of one.spec.reaches ?? []) reach(one.componentPath, endpoint);
    }
    if (one instanceof Workload) {
      const kubelets = one.componentPath === 'monitoring/prometheus' ? [10250] : [];
      for (const port of one.props.discovers ? [443, 6443, ...kubelets] : [])
        out.push({ from: one.componentPath, port });
      for (const from of one.props.reachedBy ?? []) {
        for (const { port } of one.props.ports ?? []) edges.push({ from, to: one.componentPath, port });
      }
    }
    if (one instanceof PublishedFiles) {
      for (const { url } of one.props.confirm ?? []) reach(one.componentPath, Endpoint.fromUrl(url));
    }
  }
  return { objects, members, edges, out };
}

/** Of web servers, API servers and kubelets, and one that nobody uses. */
const PORTS_OUTSIDE = [80, 443, 6443, 10250, 1];

/** What policies do that the declared graph does not say, or the other way round; each end of a connection alone. */
function deviations({ members, edges, out }: Cluster, objects: readonly KubernetesObject[]): string[] {
  const policies = new NetworkPolicies(objects);
  const found: string[] = [];
  const compare = (what: string, declared: boolean, allowed: boolean) => {
    if (declared !== allowed) found.push(`${what} is ${declared ? 'declared and denied' : 'allowed, undeclared'}`);
  };
  const key = (from: string, to: string, port: number) => `${from} ${to} ${port}`;
  const wanted = new Set(edges.map((edge) => key(edge.from, edge.to, edge.port)));
  const wantedOut = new Set(out.map((edge) => key(edge.from, OUTSIDE, edge.port)));
  const ports = [...new Set([...members.flatMap((member) => member.ports), 1])];
  for (const one of members) {
    for (const other of members) {
      if (one === other) continue;
      for (const port of ports) {
        const declared = wanted.has(key(one.path, other.path, port));
        const what = `${one.path} -> ${other.path}:${port}`;
        // Where an address outside is known by its name only, every address is let out to, pods' too: they let nobody in.
        const anywhere = wantedOut.has(key(one.path, OUTSIDE, port));
        compare(`${what}, out,`, declared || anywhere, policies.letsOut(one, other, port));
        compare(`${what}, in,`, declared, policies.letsIn(one, other, port));
      }
    }
    for (const port of new Set([...PORTS_OUTSIDE, ...out.map((edge) => edge.port)])) {
      const declared = wantedOut.has(key(one.path, OUTSIDE, port));
      compare(`${one.path} -> outside:${port}`, declared, policies.letsOut(one, OUTSIDE, port));
      compare(`outside -> ${one.path}:${port}`, false, policies.letsIn(OUTSIDE, one, port));
    }
    for (const port of one.ports) compare(`outside -> ${one.path}:${port}`, false, policies.letsIn(OUTSIDE, one, port));
    for (const protocol of ['UDP', 'TCP']) {
      compare(`${one.path} asks for names, ${protocol},`, true, policies.letsOut(one, OUTSIDE, 53, protocol));
    }
  }
  return found;
}

describe.each(IN_CLUSTER.map((stage) => [stage.name, stage] as const))('%s in a cluster', (_name, stage) => {
  let cluster: Cluster;
  beforeAll(() => {
    cluster = clusterOf(stage);
  });
  const member = (path: string) => cluster.members.find((one) => one.path === path)!;

  test('lets through what is declared, on its port, and nothing else', () => {
    expect(cluster.members.length).toBeGreaterThan(15);
    expect(cluster.edges.length).toBeGreaterThan(25);
    expect(deviations(cluster, cluster.objects)).toEqual([]);
  });

  test('declares whom each configuration names', () => {
    // Names of services in files, variables and command lines, against what is allowed: what a component forgot to
    // declare is found here.
    const policies = new NetworkPolicies(cluster.objects);
    const allows = (from: Pod, to: Pod, port: number) =>
      policies.letsOut(from, to, port) && policies.letsIn(from, to, port);
    const forgotten: string[] = [];
    let named = 0;
    for (const object of cluster.objects) {
      const template = podTemplateOf(object);
      if (template === undefined) continue;
      const from = member(template.metadata.labels['cdktf-mlops.component'].replaceAll('.', '/'));
      const texts = [JSON.stringify(template.spec.containers[0])];
      for (const volume of template.spec.volumes ?? []) {
        const map = (volume.configMap as { name: string } | undefined)?.name;
        const data = cluster.objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === map)?.data;
        texts.push(...Object.values((data ?? {}) as Record<string, string>));
      }
      for (const [, host, namespace, port] of texts
        .join('\n')
        .matchAll(/([a-z0-9-]+)\.([a-z0-9-]+)\.svc\.cluster\.local:(\d+)/g)) {
        const to = cluster.members.find(
          (one) => one.namespace === namespace && one.labels['app.kubernetes.io/instance'] === host,
        );
        if (to === undefined || to === from) continue;
        named++;
        // Prometheus has the blackbox exporter ask these.
        if (from.path === 'monitoring/prometheus' && !allows(from, to, Number(port))) {
          if (allows(member('monitoring/blackbox'), to, Number(port))) continue;
        }
        if (!allows(from, to, Number(port))) forgotten.push(`${from.path} -> ${to.path}:${port}`);
      }
    }
    expect(named).toBeGreaterThan(20);
    expect([...new Set(forgotten)]).toEqual([]);
  });

  test('notices each policy that is missing', () => {
    const policies = cluster.objects.filter(({ kind }) => kind === 'NetworkPolicy');
    const unnoticed = policies
      .filter(
        (policy) =>
          deviations(
            cluster,
            cluster.objects.filter((one) => one !== policy),
          ).length === 0,
      )
      .map(({ metadata }) => metadata.name);
    expect(unnoticed).toEqual([]);
  });

  test('notices each policy that lets everybody through', () => {
    const policies = cluster.objects.filter(({ kind }) => kind === 'NetworkPolicy');
    const wide = (policy: KubernetesObject): KubernetesObject => {
      const spec = policy.spec as Record<string, unknown>;
      return { ...policy, spec: { ...spec, ingress: [{}], egress: [{}], policyTypes: ['Ingress', 'Egress'] } };
    };
    const both = (policy: KubernetesObject) =>
      deviations(cluster, [...cluster.objects.filter((one) => one !== policy), wide(policy)]);
    const unnoticed = policies.filter((policy) => both(policy).length === 0).map(({ metadata }) => metadata.name);
    expect(unnoticed).toEqual([]);
  });
});
