import { createHash } from 'node:crypto';
import { IConstruct } from 'constructs';
import { check } from '../../core/errors';
import { checkWhole } from '../../core/quantity';
import {
  DEFAULTS_NAME,
  RELEASE_BACKEND,
  RESOLVERS_NAME,
  checkHost,
  checkModelName,
  checkVersion,
  jsonString,
} from './syntax';

/** Which model versions a gateway serves, with which share of each model's traffic. */
export interface GatewayRelease {
  /** The released models; none is a release too: the gateway then answers that no model is released. */
  readonly models: readonly GatewayModel[];
}

/** One model of a release. */
export interface GatewayModel {
  /** The name in the path: lower-case letters, digits, `-`, `.` and `_`, for example `tumour-classifier`. */
  readonly name: string;
  /** Its versions. Their shares add up to 100. */
  readonly versions: readonly GatewayModelVersion[];
}

/** One version of a model and the servers that answer for it. */
export interface GatewayModelVersion {
  /** The version as the registry counts it, for example `3`. Answers carry it in `X-Model-Version`. */
  readonly version: number | string;
  /** Share of the model's traffic in whole percent; 0 keeps the version up without traffic. */
  readonly share: number;
  /**
   * Name or address under which its servers answer. Names are resolved again and again while the gateway runs, without
   * search domains: on Kubernetes give the full name of the service.
   */
  readonly host: string;
  /** Port of its servers. */
  readonly port: number;
  /**
   * How many addresses the name has: the number of containers behind it on Docker; 1 for a service with an address of
   * its own. @default 1
   */
  readonly replicas?: number;
}

/**
 * Renders a release as the part of HAProxy's configuration that changes with every release (`models.cfg`).
 *
 * The first line, `# release <sha256>`, names the content; the gateway repeats that hash on `/-/ready` once it serves
 * this file and no older one.
 *
 * @throws ValidationError for a name that can't stand in a path, a duplicate, a share that is no whole percent, and
 * shares that do not add up to 100
 */
export function renderReleaseConfig(release: GatewayRelease, scope: IConstruct | string = 'release'): string {
  checkRelease(release, scope);
  const backends = release.models.map(renderModel);
  const hash = createHash('sha256').update(JSON.stringify(release)).update(backends.join()).digest('hex');
  return [`# release ${hash}`, renderFallback(release, hash), ...backends].join('\n');
}

/** The hash in the first line of a rendered release. */
export function releaseHash(config: string): string {
  const hash = /^# release ([0-9a-f]{64})\n/.exec(config)?.[1];
  check(hash !== undefined, 'release', 'config', config.slice(0, 40), "must begin with '# release <sha256>'");
  return hash;
}

function checkRelease(release: GatewayRelease, scope: IConstruct | string): void {
  const models = new Set<string>();
  for (const [m, model] of release.models.entries()) {
    checkModelName(scope, `models[${m}].name`, model.name);
    check(!models.has(model.name), scope, `models[${m}].name`, model.name, 'each model may be released once only');
    models.add(model.name);
    check(model.versions.length > 0, scope, `models[${m}].versions`, model.versions, 'name at least one version');
    const versions = new Set<string>();
    let sum = 0;
    for (const [v, entry] of model.versions.entries()) {
      const at = `models[${m}].versions[${v}]`;
      const version = String(entry.version);
      checkVersion(scope, `${at}.version`, entry.version);
      check(!versions.has(version), scope, `${at}.version`, entry.version, 'each version may be given once');
      versions.add(version);
      checkWhole(scope, `${at}.share`, entry.share, 0, 100);
      sum += entry.share;
      checkHost(scope, `${at}.host`, entry.host);
      checkWhole(scope, `${at}.port`, entry.port, 1, 65_535);
      if (entry.replicas !== undefined) checkWhole(scope, `${at}.replicas`, entry.replicas, 1, 100);
    }
    check(sum === 100, scope, `models[${m}] (${model.name})`, sum, "the versions' shares must add up to 100");
  }
}

/** What is no released model's: the ready answer, the list of what is released, and the refusal of everything else. */
function renderFallback(release: GatewayRelease, hash: string): string {
  const empty = release.models.length === 0;
  const listing = {
    release: hash,
    models: release.models.map(({ name, versions }) => ({
      name,
      versions: versions.map(({ version, share }) => ({ version: String(version), share })),
    })),
  };
  const refusal = empty
    ? { status: 503, error: 'no model is released' }
    : { status: 404, error: 'no released model has this path' };
  const json = 'content-type application/json';
  return [
    `backend ${RELEASE_BACKEND} from ${DEFAULTS_NAME}`,
    `  http-request return status ${empty ? 503 : 200} ${json} string ${jsonString({ ready: !empty, release: hash })} if { path /-/ready }`,
    `  http-request return status 200 ${json} string ${jsonString(listing)} if { path /-/release }`,
    `  http-request return status ${refusal.status} ${json} string ${jsonString({ error: refusal.error })}`,
    '',
  ].join('\n');
}

function renderModel(model: GatewayModel): string {
  const root = `/v2/models/${model.name}/versions`;
  const known = model.versions.map(({ version }) => version).join(' ');
  const weights = serverWeights(model.versions);
  const servers = model.versions.flatMap(({ version, host, port, replicas }, v) =>
    Array.from({ length: replicas ?? 1 }, (_, index) => ({
      name: serverName(version, index),
      version,
      address: `${host}:${port}`,
      weight: weights[v],
    })),
  );
  return [
    `backend model_${model.name} from ${DEFAULTS_NAME}`,
    '  balance roundrobin',
    '  option httpchk',
    '  http-check send meth GET uri /v2/health/ready',
    '  http-check expect status 200',
    `  http-request return status 404 content-type application/json string ${jsonString({ error: 'this version of the model is not released' })} if { path_beg ${root}/ } !{ path,field(6,/) -m str ${known} }`,
    // A server has one model, and MLServer's MLflow runtime answers the scoring protocol at a path without its name.
    `  http-request set-path /invocations if { path /models/${model.name}/invocations }`,
    // A server's name is its version, and a replica's number behind an underscore, which no version contains.
    '  http-response set-header X-Model-Version %[srv_name,field(1,_)]',
    // A version that is asked for by its path answers whatever its share, so that it can be tried before it has one.
    ...servers.map(
      ({ name, version }) => `  use-server ${name} if { path ${root}/${version} } || { path_beg ${root}/${version}/ }`,
    ),
    // A dead server refuses its connections, which then go elsewhere; `fall 3` is for one that is merely busy. Servers
    // of one name get different addresses of it.
    `  default-server check inter 2s fastinter 500ms downinter 1s fall 3 rise 1 resolvers ${RESOLVERS_NAME} init-addr last,libc,none`,
    ...servers.map(({ name, address, weight }) => `  server ${name} ${address} weight ${weight}`),
    '',
  ].join('\n');
}

function serverName(version: number | string, index: number): string {
  return index === 0 ? `${version}` : `${version}_${index + 1}`;
}

/**
 * The weight of each version's servers, so that all replicas of a version together get its share. HAProxy's weights
 * are integers up to 256: exact where a common multiple fits (always, when all versions have as many replicas), otherwise
 * those of all possible weights that come closest.
 */
export function serverWeights(versions: readonly GatewayModelVersion[]): number[] {
  const perServer = versions.map(({ share, replicas }) => share / (replicas ?? 1));
  const highest = Math.max(...perServer);
  for (let factor = 1; highest * factor <= 256; factor++) {
    if (perServer.every((share) => isNearlyInteger(share * factor))) {
      return perServer.map((share) => Math.round(share * factor));
    }
  }
  let [best, least]: [number[], number] = [[], Infinity];
  for (let top = 1; top <= 256; top++) {
    const weights = perServer.map((share) => (share === 0 ? 0 : Math.max(1, Math.round((share * top) / highest))));
    const all = versions.reduce((sum, { replicas }, v) => sum + weights[v] * (replicas ?? 1), 0);
    const error = Math.max(
      ...versions.map(({ share, replicas }, v) => Math.abs((weights[v] * (replicas ?? 1) * 100) / all - share)),
    );
    if (error < least) [best, least] = [weights, error];
  }
  return best;
}

function isNearlyInteger(value: number): boolean {
  return Math.abs(value - Math.round(value)) < 1e-9;
}
