import { check } from './errors';
import { checkPort } from './quantity';

const HOST_NAME = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$/;
const IPV4 = /^(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/;

/** A port that a workload listens on. */
export interface Port {
  /** What others ask for, for example `http`. RFC 1123 label. */
  readonly name: string;
  /** 1 to 65535. */
  readonly port: number;
  /** Scheme of the endpoint's URL. @default http */
  readonly scheme?: string;
  /** Make it reachable from outside the environment. @default - reachable inside the environment only */
  readonly publish?: Publish;
}

/** Where a port is reachable from outside the environment. Immutable. */
export class Publish {
  /**
   * On this machine only (127.0.0.1). In a cluster nothing is published: `cdktf-mlops forward <environment>` opens the
   * port on the machine where it runs.
   */
  public static onLoopback(port: number): Publish {
    checkPort('Publish.onLoopback', 'port', port);
    return new Publish('127.0.0.1', port);
  }

  /**
   * On an address of the machine, for everybody who reaches that address. `0.0.0.0` is every interface; in a cluster it
   * is the load balancer that the cloud provides, and no other address can be asked for.
   */
  public static onAddress(address: string, port: number): Publish {
    check(IPV4.test(address), 'Publish.onAddress', 'address', address, 'write an IPv4 address');
    checkPort('Publish.onAddress', 'port', port);
    return new Publish(address, port);
  }

  /**
   * By a host name, through the cluster's ingress controller (Kubernetes only).
   *
   * @throws when the host name or the path is malformed
   */
  public static atHost(hostName: string, options: HostOptions = {}): Publish {
    check(HOST_NAME.test(hostName), 'Publish.atHost', 'hostName', hostName, "write a DNS name: 'models.example.com'");
    const path = options.path ?? '/';
    check(/^\/[\w./-]*$/.test(path), 'Publish.atHost', 'path', path, "begin it with '/'");
    return new Publish(hostName, options.tlsSecretName === undefined ? 80 : 443, { ...options, path });
  }

  private constructor(
    /** IPv4 address, or the host name with `host`. */
    public readonly address: string,
    public readonly port: number,
    /** How the ingress controller is to route to it; undefined where a port is published directly. */
    public readonly host?: HostOptions,
  ) {}

  /** Where a person reaches a port with this scheme. */
  public url(scheme: string): string {
    if (this.host === undefined) return `${scheme}://${this.address}:${this.port}`;
    return `${this.host.tlsSecretName === undefined ? 'http' : 'https'}://${this.address}${this.host.path === '/' ? '' : this.host.path}`;
  }
}

/** Options of {@link Publish.atHost}. */
export interface HostOptions {
  /** Requests whose path begins with it; it is not taken off. @default / */
  readonly path?: string;
  /** Secret of the type `kubernetes.io/tls`, in the environment's namespace. @default - plain HTTP */
  readonly tlsSecretName?: string;
  /** Name of the ingress class. @default - the cluster's default */
  readonly className?: string;
}
