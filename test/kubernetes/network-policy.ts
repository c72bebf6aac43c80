import { KubernetesObject } from './objects';

/** A pod, as policies see it. */
export interface Pod {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

interface Selector {
  readonly matchLabels?: Record<string, string>;
}

interface Peer {
  readonly podSelector?: Selector;
  readonly namespaceSelector?: Selector;
  readonly ipBlock?: { readonly cidr: string };
}

interface Rule {
  readonly from?: Peer[];
  readonly to?: Peer[];
  readonly ports?: { readonly port?: number | string; readonly protocol?: string }[];
}

interface Spec {
  readonly podSelector: Selector;
  readonly policyTypes: string[];
  readonly ingress?: Rule[];
  readonly egress?: Rule[];
}

/** An address that is no pod's. */
export const OUTSIDE = 'outside';

/**
 * Says which connections NetworkPolicies let through, by the rules of the API's documentation: a pod that no policy of a
 * direction selects is open in it; one that is selected lets through what any of those policies allows. A connection
 * needs both ends. Of selectors only `matchLabels` is known, and everything else is refused.
 *
 * An address block counts for pods too where it holds every address: network plug-ins differ in that.
 */
export class NetworkPolicies {
  private readonly policies: readonly { readonly namespace: string; readonly spec: Spec }[];
  private readonly namespaces: ReadonlyMap<string, Readonly<Record<string, string>>>;
  private readonly selecting = new Map<Pod, readonly { readonly namespace: string; readonly spec: Spec }[]>();

  constructor(objects: readonly KubernetesObject[]) {
    this.policies = objects
      .filter(({ kind }) => kind === 'NetworkPolicy')
      .map(({ metadata, spec }) => ({ namespace: metadata.namespace!, spec: spec as Spec }));
    this.namespaces = new Map(
      objects
        .filter(({ kind }) => kind === 'Namespace')
        // The API server adds this label.
        .map(({ metadata: { name, labels } }) => [name!, { ...labels, 'kubernetes.io/metadata.name': name! }]),
    );
  }

  /** Whether a pod is let out to another, or out of the cluster. */
  public letsOut(from: Pod, to: Pod | typeof OUTSIDE, port: number, protocol = 'TCP'): boolean {
    return this.passes('Egress', from, to, port, protocol);
  }

  /** Whether a pod lets another in, or whoever is outside of the cluster. */
  public letsIn(from: Pod | typeof OUTSIDE, to: Pod, port: number, protocol = 'TCP'): boolean {
    return this.passes('Ingress', to, from, port, protocol);
  }

  private passes(
    type: 'Ingress' | 'Egress',
    self: Pod,
    other: Pod | typeof OUTSIDE,
    port: number,
    protocol: string,
  ): boolean {
    const selecting = this.policiesOf(self).filter(({ spec }) => spec.policyTypes.includes(type));
    if (selecting.length === 0) return true;
    return selecting.some(({ namespace, spec }) =>
      ((type === 'Ingress' ? spec.ingress : spec.egress) ?? []).some((rule) => {
        const peers = type === 'Ingress' ? rule.from : rule.to;
        const anyPort = rule.ports === undefined;
        const portFits = anyPort || rule.ports!.some((one) => fits(one, port, protocol));
        return portFits && (peers === undefined || peers.some((peer) => this.isPeer(peer, namespace, other)));
      }),
    );
  }

  private policiesOf(pod: Pod) {
    let found = this.selecting.get(pod);
    if (found === undefined) {
      found = this.policies.filter(
        ({ namespace, spec }) => namespace === pod.namespace && matches(spec.podSelector, pod.labels),
      );
      this.selecting.set(pod, found);
    }
    return found;
  }

  private isPeer(peer: Peer, namespace: string, other: Pod | typeof OUTSIDE): boolean {
    if (peer.ipBlock !== undefined) return other === OUTSIDE || peer.ipBlock.cidr === '0.0.0.0/0';
    if (other === OUTSIDE) return false;
    const inNamespace =
      peer.namespaceSelector === undefined
        ? other.namespace === namespace
        : matches(peer.namespaceSelector, this.namespaces.get(other.namespace) ?? {});
    return inNamespace && (peer.podSelector === undefined || matches(peer.podSelector, other.labels));
  }
}

function matches(selector: Selector, labels: Readonly<Record<string, string>>): boolean {
  const unknown = Object.keys(selector).filter((key) => key !== 'matchLabels');
  if (unknown.length > 0) throw new Error(`a selector has ${unknown.join()}: teach this evaluator`);
  return Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
}

function fits(rule: { readonly port?: number | string; readonly protocol?: string }, port: number, protocol: string) {
  if (typeof rule.port === 'string') throw new Error(`a rule names the port '${rule.port}': teach this evaluator`);
  return (rule.protocol ?? 'TCP') === protocol && (rule.port === undefined || rule.port === port);
}
