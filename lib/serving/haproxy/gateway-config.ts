import { IConstruct } from 'constructs';
import { checkKeys } from '../../core/errors';
import { checkWhole } from '../../core/quantity';
import { DEFAULTS_NAME, RELEASE_BACKEND, RESOLVERS_NAME, USERS_TABLE, checkPath, jsonString } from './syntax';

/** Port of the gateway's own metrics and health, in plain HTTP, never published. */
export const METRICS_PORT = 8405;
/** Port on which models are asked, without TLS. */
export const HTTP_PORT = 8080;
/** Port on which models are asked, with TLS. */
export const HTTPS_PORT = 8443;

/** The part of the gateway's configuration that stays while releases come and go. */
export interface GatewayConfigOptions {
  /**
   * PEM file with certificate chain and key. With it the gateway listens on 8443 with TLS 1.2 or newer and HTTP/2,
   * without it on 8080.
   * @default - no TLS
   */
  readonly tlsCertificateFile?: string;
  /**
   * File of lines `token user`. With it, models are answered only to requests with `Authorization: Bearer <token>`, and
   * users are counted by name.
   * @default - open to everybody who reaches the gateway; users are counted by address
   */
  readonly tokensFile?: string;
  /**
   * Largest body of a request in bytes; what is larger gets 413, what does not say its length gets 411.
   * @default 16777216 (16 MiB)
   */
  readonly maxBodyBytes?: number;
  /** Seconds that a model server may take to answer. @default 60 */
  readonly timeoutSeconds?: number;
  /** Connections at a time; further ones wait. @default 2000 */
  readonly maxConnections?: number;
  /** Worker threads. @default 2 */
  readonly threads?: number;
  /** Log every request, or only the failed ones. @default true */
  readonly accessLog?: boolean;
  /** Directory for sockets, writable for the gateway's user. @default /tmp */
  readonly runtimeDirectory?: string;
}

const OPTIONS = [
  'tlsCertificateFile',
  'tokensFile',
  'maxBodyBytes',
  'timeoutSeconds',
  'maxConnections',
  'threads',
  'accessLog',
  'runtimeDirectory',
] as const satisfies readonly (keyof GatewayConfigOptions)[];

/** Seconds that a connection stays open between two requests. */
const KEEP_ALIVE_SECONDS = 10;

/**
 * Seconds after which a worker that a reload has replaced ends even if it is still answering: the longest that a
 * request may take, and a little.
 */
export function drainSeconds(options: Pick<GatewayConfigOptions, 'timeoutSeconds'>): number {
  return (options.timeoutSeconds ?? 60) + KEEP_ALIVE_SECONDS + 5;
}

/**
 * Renders HAProxy's base configuration. It is complete only together with a release (`renderReleaseConfig`): routing
 * is by name, so that one file, published in one step, decides everything that a release changes.
 *
 * @throws ValidationError for an unknown option, a path or a number that can't be used
 */
export function renderGatewayConfig(
  options: GatewayConfigOptions = {},
  scope: IConstruct | string = 'gateway',
): string {
  checkKeys(scope, 'options', options, OPTIONS);
  if (options.tlsCertificateFile !== undefined) checkPath(scope, 'tlsCertificateFile', options.tlsCertificateFile);
  if (options.tokensFile !== undefined) checkPath(scope, 'tokensFile', options.tokensFile);
  const maxBodyBytes = options.maxBodyBytes ?? 16 * 1024 * 1024;
  checkWhole(scope, 'maxBodyBytes', maxBodyBytes, 1, 2 ** 40);
  const timeoutSeconds = options.timeoutSeconds ?? 60;
  checkWhole(scope, 'timeoutSeconds', timeoutSeconds, 1, 86_400);
  const maxConnections = options.maxConnections ?? 2000;
  checkWhole(scope, 'maxConnections', maxConnections, 1, 1_000_000);
  const threads = options.threads ?? 2;
  checkWhole(scope, 'threads', threads, 1, 64);
  const runtimeDirectory = options.runtimeDirectory ?? '/tmp';
  checkPath(scope, 'runtimeDirectory', runtimeDirectory);

  return [
    ...section('global', [
      'log stdout format raw local0 info',
      'master-worker',
      `stats socket ${runtimeDirectory}/haproxy.sock mode 600 level admin expose-fd listeners`,
      'localpeer gateway',
      `nbthread ${threads}`,
      `maxconn ${maxConnections}`,
      `hard-stop-after ${drainSeconds(options)}s`,
      'tune.bufsize 32768',
      'ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets',
    ]),
    ...section(`defaults ${DEFAULTS_NAME}`, [
      'mode http',
      'log global',
      'option dontlognull',
      ...(options.accessLog === false ? ['option dontlog-normal'] : []),
      'timeout client 60s',
      'timeout http-request 10s',
      `timeout http-keep-alive ${KEEP_ALIVE_SECONDS}s`,
      'timeout connect 1s',
      'timeout check 5s',
      'timeout queue 10s',
      `timeout server ${timeoutSeconds}s`,
      // What no server has answered a byte to is tried again, at another one where there is one: a connection that
      // failed, or that the server closed just when it was used again. That asks for a prediction twice at worst, which
      // changes nothing; a request that a server fails on is answered and never repeated. Bodies that are larger than
      // a buffer are not kept for it.
      'retries 3',
      'retry-on conn-failure empty-response',
      'option redispatch 1',
      // A client whose connection idles across a reload keeps it for one more answer, which then says "close".
      'option idle-close-on-response',
      // Sharing connections to the servers saves more time than the way through the gateway costs.
      'http-reuse always',
      ...[
        [400, 'the request is malformed'],
        [408, 'the request did not arrive in time'],
        [500, 'the gateway failed'],
        [502, 'the model server broke off'],
        [503, 'no server of this model is ready'],
        [504, 'the model server did not answer in time'],
      ].map(
        ([code, error]) => `http-error status ${code} content-type application/json string ${jsonString({ error })}`,
      ),
    ]),
    ...section(`resolvers ${RESOLVERS_NAME}`, [
      'parse-resolv-conf',
      'accepted_payload_size 8192',
      'timeout resolve 1s',
      'timeout retry 1s',
      'hold valid 1s',
      // A name service that is away takes no server out of rotation; health checks decide about that.
      ...['nx', 'refused', 'timeout', 'other'].map((outcome) => `hold ${outcome} 20d`),
    ]),
    // The gateway is its own peer: a new worker takes the tables over from the one it replaces.
    ...section('peers gateway', ['peer gateway 127.0.0.1:10000']),
    ...section(`backend ${USERS_TABLE} from ${DEFAULTS_NAME}`, [
      'stick-table type string len 64 size 100k expire 1h peers gateway store http_req_cnt',
    ]),
    ...section(`frontend gateway from ${DEFAULTS_NAME}`, [
      options.tlsCertificateFile === undefined
        ? `bind :${HTTP_PORT}`
        : `bind :${HTTPS_PORT} ssl crt ${options.tlsCertificateFile} alpn h2,http/1.1`,
      // Neither headers nor the query are logged: both may carry what must not be kept.
      'log-format "%{+json}o %(time)tr %(client)ci %(user)[var(txn.user)] %(method)HM %(path)HPO %(status)ST %(backend)b %(version)s %(ms)Ta %(connect_ms)Tc %(server_ms)Tr %(retries)rc %(bytes)B %(end)ts %(id)ID"',
      'unique-id-format %[uuid()]',
      'unique-id-header X-Request-Id',
      'option forwardfor',
      'acl health path /-/healthy /-/ready',
      'http-request set-log-level silent if health',
      healthy(),
      ...(options.tokensFile === undefined
        ? ['http-request set-var(txn.user) src']
        : [
            `http-request set-var(txn.user) http_auth_bearer,map(${options.tokensFile})`,
            `http-request return status 401 content-type application/json hdr WWW-Authenticate 'Bearer realm="models"' string ${jsonString({ error: 'a valid token is needed: Authorization: Bearer <token>' })} if !health !{ var(txn.user) -m found }`,
            'http-request del-header Authorization',
          ]),
      `http-request return status 413 content-type application/json string ${jsonString({ error: `the body is larger than ${maxBodyBytes} bytes` })} if { req.hdr_val(content-length) gt ${maxBodyBytes} }`,
      `http-request return status 411 content-type application/json string ${jsonString({ error: 'the request must say its Content-Length' })} if { req.hdr(transfer-encoding) -m found } || { method POST PUT PATCH } !{ req.hdr(content-length) -m found }`,
      `http-request return status 400 content-type application/json string ${jsonString({ error: 'the path must not lead upwards' })} if { path,url_dec -m sub /.. }`,
      'http-request set-var(txn.model) path,field(4,/) if { path_beg /v2/models/ }',
      'http-request set-var(txn.model) path,field(3,/) if { path_reg ^/models/[^/]+/invocations$ }',
      `http-request track-sc0 var(txn.user) table ${USERS_TABLE} if { var(txn.model) -m found }`,
      // A name without a backend falls through to the release's answer.
      'use_backend model_%[var(txn.model)] if { var(txn.model) -m found }',
      `default_backend ${RELEASE_BACKEND}`,
    ]),
    ...section(`frontend metrics from ${DEFAULTS_NAME}`, [
      `bind :${METRICS_PORT}`,
      'no log',
      // A scraper that keeps its connection would read the counters of a worker that a reload has replaced.
      'option httpclose',
      'http-request use-service prometheus-exporter if { path /metrics }',
      healthy(),
      `default_backend ${RELEASE_BACKEND}`,
    ]),
  ].join('\n');
}

function healthy(): string {
  return `http-request return status 200 content-type application/json string ${jsonString({ healthy: true })} if { path /-/healthy }`;
}

function section(head: string, lines: readonly string[]): string[] {
  return [head, ...lines.map((line) => `  ${line}`), ''];
}
