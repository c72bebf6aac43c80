import { ITerraformDependable } from 'cdktf';
import { physicalName } from '../core/names';
import { Port } from '../core/port';
import { VolumeKind } from '../core/volume';
import { Workload } from '../core/workload';
import { bindings } from './bindings';
import { INSTANCE, MAX_NAME } from './labels';
import { Made } from './made';

/** The names under which others reach a workload, and the ways in from outside. */
export function makeServices(workload: Workload, made: Made): ITerraformDependable[] {
  const { name, metadata, dependsOn, lifecycle } = made;
  const ports = workload.props.ports ?? [];
  if (ports.length === 0) return [];
  const forwards = ports
    .filter(({ publish }) => publish?.address === '127.0.0.1' && publish.host === undefined)
    .map(({ name: port, publish }) => `${port}=${publish!.address}:${publish!.port}`);
  const spec = {
    selector: { [INSTANCE]: name },
    port: ports.map((port) => ({ name: port.name, port: port.port, targetPort: String(port.port), protocol: 'TCP' })),
  };
  const service = new bindings.ServiceV1(workload, 'service', {
    metadata: {
      ...metadata,
      name,
      annotations: forwards.length === 0 ? undefined : { 'cdktf-mlops.forward': forwards.join(',') },
    },
    spec,
    dependsOn,
    lifecycle,
  });
  if ((workload.spec.volumes ?? []).some(({ kind }) => kind === VolumeKind.LIVE)) {
    // Every replica has to be asked whether it uses what was published.
    new bindings.ServiceV1(workload, 'pods', {
      metadata: { ...metadata, name: readersName(name) },
      spec: { ...spec, clusterIp: 'None' },
      dependsOn,
    });
  }
  const open = ports.filter(({ publish }) => publish?.address === '0.0.0.0');
  if (open.length > 0) {
    new bindings.ServiceV1(workload, 'load-balancer', {
      metadata: { ...metadata, name: physicalName(name, ['public'], MAX_NAME) },
      spec: {
        selector: spec.selector,
        type: 'LoadBalancer',
        port: open.map((port) => ({
          name: port.name,
          port: port.publish!.port,
          targetPort: String(port.port),
          protocol: 'TCP',
        })),
      },
      // Its address is the cloud's business, and may take its time.
      waitForLoadBalancer: false,
      dependsOn,
    });
  }
  for (const port of ports) if (port.publish?.host !== undefined) makeIngress(workload, made, port);
  return [service];
}

/** A route through the cluster's ingress controller. */
function makeIngress(workload: Workload, { name, metadata, dependsOn }: Made, port: Port): void {
  const { address: host, host: options } = port.publish!;
  new bindings.IngressV1(workload, `ingress-${port.name}`, {
    metadata: { ...metadata, name: physicalName(name, [port.name], MAX_NAME) },
    spec: {
      ingressClassName: options!.className,
      tls: options!.tlsSecretName === undefined ? undefined : [{ hosts: [host], secretName: options!.tlsSecretName }],
      rule: [
        {
          host,
          http: {
            path: [
              {
                path: options!.path ?? '/',
                pathType: 'Prefix',
                backend: { service: { name, port: { number: port.port } } },
              },
            ],
          },
        },
      ],
    },
    dependsOn,
  });
}

/** Headless service of a workload that reads what is published. */
export function readersName(name: string): string {
  return `${name}-pods`;
}
