import { check } from './errors';
import { checkPort } from './quantity';

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
  /** On this machine only (127.0.0.1). */
  public static onLoopback(port: number): Publish {
    checkPort('Publish.onLoopback', 'port', port);
    return new Publish('127.0.0.1', port);
  }

  /** On an address of the machine, for everybody who reaches that address. `0.0.0.0` is every interface. */
  public static onAddress(address: string, port: number): Publish {
    check(IPV4.test(address), 'Publish.onAddress', 'address', address, 'write an IPv4 address');
    checkPort('Publish.onAddress', 'port', port);
    return new Publish(address, port);
  }

  private constructor(
    public readonly address: string,
    public readonly port: number,
  ) {}
}
