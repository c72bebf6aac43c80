import { PORTS } from './program/environment';
import { Login } from './machine';

/** An alert as Alertmanager posts it. */
export interface PostedAlert {
  readonly status: 'firing' | 'resolved';
  readonly labels: Record<string, string>;
}

/** What the webhook received. */
export interface Posted {
  /** Seconds since 1970. */
  readonly at: number;
  readonly path: string;
  readonly body: { readonly alerts: readonly PostedAlert[] };
}

/** How much a registry holds. */
export interface RegistryCounts {
  readonly experiments: number;
  readonly runs: number;
  readonly versions: number;
  readonly artifacts: number;
}

/** The environment's published services, asked over HTTP. */
export const services = {
  /** A GET or POST of JSON. */
  async json<T>(url: string, options: { login?: Login; body?: object } = {}): Promise<T> {
    const { login, body } = options;
    const answer = await fetch(url, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        ...(login === undefined
          ? {}
          : { authorization: `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(20_000),
    });
    if (!answer.ok) throw new Error(`${url} answers ${answer.status}: ${(await answer.text()).slice(0, 200)}`);
    return (await answer.json()) as T;
  },

  /** What a PromQL expression gives now: labels and value of each series. */
  async query(expr: string): Promise<Sample[]> {
    const result = await prometheus<{ metric: Sample['labels']; value: [number, string] }>('query', { query: expr });
    return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  },

  /** What it gives over a time: the values of each series. */
  async range(expr: string, { start, end, step }: TimeRange): Promise<number[][]> {
    const parameters = { query: expr, start: String(start), end: String(end), step: String(step) };
    const result = await prometheus<{ values: Array<[number, string]> }>('query_range', parameters);
    return result.map(({ values }) => values.map(([, value]) => Number(value)));
  },

  /** The targets that Prometheus scrapes, with their health. */
  async targets(): Promise<Target[]> {
    const url = `http://127.0.0.1:${PORTS.prometheus}/api/v1/targets?state=active`;
    return (await services.json<{ data: { activeTargets: Target[] } }>(url)).data.activeTargets;
  },

  /** Everything that the webhook received since it started. */
  posted(): Promise<Posted[]> {
    return services.json<Posted[]>(`http://127.0.0.1:${PORTS.webhook}/`);
  },

  /** What a registry holds, by its REST interface. */
  async registryCounts(login: Login): Promise<RegistryCounts> {
    const api = `http://127.0.0.1:${PORTS.registry}/api/2.0/mlflow`;
    const { experiments = [] } = await services.json<{ experiments?: Array<{ experiment_id: string }> }>(
      `${api}/experiments/search`,
      { login, body: { max_results: 1000 } },
    );
    const { runs = [] } = await services.json<{ runs?: Array<{ info: { run_id: string } }> }>(`${api}/runs/search`, {
      login,
      body: { experiment_ids: experiments.map((one) => one.experiment_id), max_results: 1000 },
    });
    const { model_versions: versions = [] } = await services.json<{ model_versions?: object[] }>(
      `${api}/model-versions/search?max_results=1000`,
      { login },
    );
    const files = async (run: string, path?: string): Promise<number> => {
      const parameters = new URLSearchParams({ run_id: run, ...(path === undefined ? {} : { path }) });
      const { files: listed = [] } = await services.json<{ files?: Array<{ path: string; is_dir: boolean }> }>(
        `${api}/artifacts/list?${parameters}`,
        { login },
      );
      let count = 0;
      for (const { path: child, is_dir: isDirectory } of listed) count += isDirectory ? await files(run, child) : 1;
      return count;
    };
    let artifacts = 0;
    for (const { info } of runs) artifacts += await files(info.run_id);
    return { experiments: experiments.length, runs: runs.length, versions: versions.length, artifacts };
  },
};

async function prometheus<T>(what: string, parameters: Record<string, string>): Promise<T[]> {
  const url = `http://127.0.0.1:${PORTS.prometheus}/api/v1/${what}?${new URLSearchParams(parameters)}`;
  return (await services.json<{ data: { result: T[] } }>(url)).data.result;
}

/** Seconds since 1970, and seconds between two points. */
export interface TimeRange {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** One series of an instant query. */
export interface Sample {
  readonly labels: Record<string, string>;
  readonly value: number;
}

/** One target of Prometheus. */
export interface Target {
  readonly health: string;
  readonly lastError: string;
  readonly scrapeUrl: string;
  readonly labels: Record<string, string>;
}
