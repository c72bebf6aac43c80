import type { NetworkPolicyV1Spec } from '@cdktf/provider-kubernetes/lib/network-policy-v1';
import { Endpoint } from '../core/endpoint';
import { WorkloadProps } from '../core/workload';
import { INSTANCE } from './labels';

/** A workload, task or job, and where it runs. */
export interface Place {
  readonly namespace: string;
  readonly name: string;
}

/** A network policy to make. */
export interface Policy {
  readonly id: string;
  readonly namespace: string;
  /** What its name ends in. */
  readonly suffix: string[];
  readonly spec: NetworkPolicyV1Spec;
}

/** Ports of API servers, before and behind their service. */
export const API_PORTS = [443, 6443];
export const KUBELET_PORT = 10250;

/**
 * Lets a pod out to what it reaches, and lets it in there.
 *
 * @param clusterPorts ports of the cluster's own servers that it asks, which are no pods that a selector would find
 */
export function reachPolicies(
  self: Place,
  reaches: readonly Endpoint[],
  placeOf: (host: string) => Place | undefined,
  clusterPorts: readonly number[],
): Policy[] {
  const inside = new Map<string, { place: Place; ports: Set<number> }>();
  const outside = new Map<string, Set<number>>();
  for (const { host, port } of reaches) {
    const place = placeOf(host);
    if (place === undefined) {
      const cidr = /^\d+(\.\d+){3}$/.test(host) ? `${host}/32` : '0.0.0.0/0';
      outside.set(cidr, (outside.get(cidr) ?? new Set()).add(port));
    } else {
      inside.set(host, { place, ports: (inside.get(host)?.ports ?? new Set()).add(port) });
    }
  }
  const egress = [
    ...[...inside.values()].map(({ place, ports }) => ({ to: [selects(place)], ports: tcp(ports) })),
    ...[...outside].map(([cidr, ports]) => ({ to: [{ ipBlock: { cidr } }], ports: tcp(ports) })),
    ...(clusterPorts.length === 0
      ? []
      : [{ to: [{ ipBlock: { cidr: '0.0.0.0/0' } }], ports: tcp(new Set(clusterPorts)) }]),
  ];
  const out: Policy[] =
    egress.length === 0
      ? []
      : [
          {
            id: 'egress',
            namespace: self.namespace,
            suffix: ['egress'],
            spec: { podSelector: only(self.name), policyTypes: ['Egress'], egress },
          },
        ];
  return [
    ...out,
    ...[...inside.values()].map(({ place, ports }) => ({
      id: `ingress-${place.name}`,
      namespace: place.namespace,
      suffix: ['to', place.name],
      spec: {
        podSelector: only(place.name),
        policyTypes: ['Ingress'],
        ingress: [{ from: [selects(self)], ports: tcp(ports) }],
      },
    })),
  ];
}

/** Lets in who reaches a workload without saying so itself: workloads of other stacks, and whoever is outside. */
export function reachedPolicies(
  self: Place,
  { ports, reachedBy }: WorkloadProps,
  placeOfPath: (componentPath: string) => Place,
): Policy[] {
  const all = tcp(new Set((ports ?? []).map(({ port }) => port)));
  const published = (ports ?? []).filter(({ publish }) => publish !== undefined && publish.address !== '127.0.0.1');
  const open = tcp(new Set(published.map(({ port }) => port)));
  return [
    ...(reachedBy ?? []).flatMap((path) => {
      const from = placeOfPath(path);
      return [
        {
          id: `ingress-from-${from.name}`,
          namespace: self.namespace,
          suffix: ['from', from.name],
          spec: {
            podSelector: only(self.name),
            policyTypes: ['Ingress'],
            ingress: [{ from: [selects(from)], ports: all }],
          },
        },
        {
          id: `egress-from-${from.name}`,
          namespace: from.namespace,
          suffix: ['out-of', from.name],
          spec: {
            podSelector: only(from.name),
            policyTypes: ['Egress'],
            egress: [{ to: [selects(self)], ports: all }],
          },
        },
      ];
    }),
    ...(open.length === 0
      ? []
      : [
          {
            id: 'ingress-public',
            namespace: self.namespace,
            suffix: ['public'],
            spec: { podSelector: only(self.name), policyTypes: ['Ingress'], ingress: [{ ports: open }] },
          },
        ]),
  ];
}

function only(name: string) {
  return { matchLabels: { [INSTANCE]: name } };
}

function selects({ namespace, name }: Place) {
  return {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    podSelector: only(name),
  };
}

function tcp(ports: ReadonlySet<number>) {
  return [...ports].sort((a, b) => a - b).map((port) => ({ port: String(port), protocol: 'TCP' }));
}
