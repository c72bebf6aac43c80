import { readFileSync } from 'node:fs';
import * as https from 'node:https';
import { parse } from 'yaml';
import { KubernetesObject } from './objects';

/** What the API server said. */
export interface Answer {
  readonly status: number;
  readonly body: { readonly message?: string; readonly [field: string]: unknown };
  /** Texts of the warnings that came along. */
  readonly warnings: string[];
}

interface Kubeconfig {
  readonly 'current-context': string;
  readonly contexts: { name: string; context: { cluster: string; user: string } }[];
  readonly clusters: { name: string; cluster: Record<string, string> }[];
  readonly users: { name: string; user: Record<string, string> }[];
}

/** Talks to an API server as a kubeconfig's current user: by client certificate or token. */
export class Api {
  private readonly server: string;
  private readonly headers: Record<string, string>;
  private readonly agent: https.Agent;

  constructor(kubeconfig: string) {
    const config = parse(readFileSync(kubeconfig, 'utf8')) as Kubeconfig;
    const { context } = config.contexts.find(({ name }) => name === config['current-context'])!;
    const { cluster } = config.clusters.find(({ name }) => name === context.cluster)!;
    const { user } = config.users.find(({ name }) => name === context.user)!;
    const data = (of: Record<string, string>, key: string) =>
      of[`${key}-data`] !== undefined
        ? Buffer.from(of[`${key}-data`], 'base64')
        : of[key] === undefined
          ? undefined
          : readFileSync(of[key]);
    this.server = cluster.server;
    this.headers = user.token === undefined ? {} : { authorization: `Bearer ${user.token}` };
    this.agent = new https.Agent({
      keepAlive: true,
      ca: data(cluster, 'certificate-authority'),
      cert: data(user, 'client-certificate'),
      key: data(user, 'client-key'),
    });
  }

  /** Sends a new object; unknown and repeated fields are refused. */
  public create(object: KubernetesObject, dryRun: boolean): Promise<Answer> {
    const query = `?fieldValidation=Strict&fieldManager=dry-run${dryRun ? '&dryRun=All' : ''}`;
    return this.send('POST', collection(object) + query, object);
  }

  public delete(object: KubernetesObject): Promise<Answer> {
    return this.send('DELETE', `${collection(object)}/${object.metadata.name}`);
  }

  public close(): void {
    this.agent.destroy();
  }

  private send(method: string, path: string, body?: object): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = { ...this.headers, 'content-type': 'application/json' };
      const request = https.request(this.server + path, { method, agent: this.agent, headers }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({
            status: answer.statusCode!,
            body: JSON.parse(Buffer.concat(chunks).toString()) as Answer['body'],
            // 299 - "text": RFC 7234, of which node joins several with ', '.
            warnings: [...(answer.headers.warning ?? '').matchAll(/299 - "((?:[^"\\]|\\.)*)"/g)].map(
              ([, text]) => text,
            ),
          }),
        );
      });
      request.on('error', reject);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

/** Path below which objects of a kind are. */
function collection({ apiVersion, kind, metadata }: KubernetesObject): string {
  const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const place = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  const lower = kind.toLowerCase();
  const plural = lower.endsWith('s') ? `${lower}es` : lower.endsWith('y') ? `${lower.slice(0, -1)}ies` : `${lower}s`;
  return `${group}${place}/${plural}`;
}
