import { IConstruct } from 'constructs';
import { check } from './errors';
import { checkPort } from './quantity';

/** How others reach a workload. Immutable. */
export class Endpoint {
  /** A service that exists outside of what this program declares, by its URL, for example `https://mlflow.example.com`. */
  public static fromUrl(url: string): Endpoint {
    return Endpoint._fromUrl('Endpoint.fromUrl', 'url', url);
  }

  /**
   * For a factory or a construct that was given the URL itself, so that a mistake is told of it and its prop.
   * @internal
   */
  public static _fromUrl(scope: IConstruct | string, prop: string, url: string): Endpoint {
    const match = /^([a-z][a-z0-9+.-]*):\/\/([A-Za-z0-9.-]+)(?::(\d+))?(\/[^\s?#]*)?$/.exec(url);
    check(match !== null, scope, prop, url, 'write scheme://host[:port][/path], without user, query or fragment');
    const port = match[3] === undefined ? DEFAULT_PORTS[match[1]] : Number(match[3]);
    check(port !== undefined, scope, prop, url, `name a port: '${match[1]}' has no default`);
    checkPort(scope, prop, port);
    return new Endpoint(match[1], match[2], port, (match[4] ?? '').replace(/\/$/, ''), undefined);
  }

  /** @internal */
  public static _of(scheme: string, host: string, port: number, publishedUrl?: string): Endpoint {
    return new Endpoint(scheme, host, port, '', publishedUrl);
  }

  private constructor(
    /** `http`, `https`, `postgresql`… */
    public readonly scheme: string,
    /** Name that resolves inside the environment. */
    public readonly host: string,
    public readonly port: number,
    /** Path prefix without a trailing slash; empty for none. */
    public readonly path: string,
    /** URL on the machine (loopback) or outside of it, where the port is published. */
    public readonly publishedUrl: string | undefined,
  ) {}

  /** `scheme://host:port/path`, as seen from inside the environment. */
  public get url(): string {
    return `${this.scheme}://${this.host}:${this.port}${this.path}`;
  }

  /** `host:port`. */
  public get address(): string {
    return `${this.host}:${this.port}`;
  }
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443, postgresql: 5432 };
