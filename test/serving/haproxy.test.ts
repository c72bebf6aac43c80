import { execFileSync } from 'node:child_process';
import * as fc from 'fast-check';
import { ValidationError } from '../../lib/core/errors';
import {
  GATEWAY_ENTRYPOINT,
  GatewayConfigOptions,
  GatewayModelVersion,
  drainSeconds,
  releaseHash,
  renderGatewayConfig,
  renderGatewayEntrypoint,
  renderReleaseConfig,
  serverWeights,
} from '../../lib/serving/haproxy';

const version = (props: Partial<GatewayModelVersion> = {}): GatewayModelVersion => ({
  version: 1,
  share: 100,
  host: 'staging-models-cancer-v1',
  port: 8080,
  ...props,
});
const release = (...versions: GatewayModelVersion[]) => ({ models: [{ name: 'cancer', versions }] });

/** The lines of one section, without their indent. */
function section(config: string, head: string): string[] {
  const sections = config.split(/\n(?=\S)/);
  const found = sections.find((text) => text.startsWith(head));
  expect(found).toBeDefined();
  return found!
    .trim()
    .split('\n')
    .map((line) => line.trim());
}

describe('gateway configuration', () => {
  test('listens with plain HTTP for everybody unless told otherwise', () => {
    const config = renderGatewayConfig();
    const frontend = section(config, 'frontend gateway');
    expect(frontend).toContain('bind :8080');
    expect(frontend).toContain('http-request set-var(txn.user) src');
    expect(config).not.toContain('ssl crt');
    expect(config).not.toContain('401');
  });

  test('has the defaults that its options promise', () => {
    const config = renderGatewayConfig();
    expect(section(config, 'global')).toEqual(
      expect.arrayContaining(['nbthread 2', 'maxconn 2000', 'hard-stop-after 75s']),
    );
    expect(section(config, 'global').join()).toContain('stats socket /tmp/haproxy.sock mode 600');
    expect(section(config, 'defaults gateway')).toContain('timeout server 60s');
    expect(section(config, 'defaults gateway')).not.toContain('option dontlog-normal');
    expect(section(config, 'frontend gateway').join('\n')).toContain('gt 16777216 }');
  });

  test('takes every option over', () => {
    const config = renderGatewayConfig({
      tlsCertificateFile: '/run/secrets/gateway-certificate',
      tokensFile: '/run/secrets/gateway-tokens',
      maxBodyBytes: 1000,
      timeoutSeconds: 5,
      maxConnections: 99,
      threads: 4,
      accessLog: false,
      runtimeDirectory: '/run/gateway',
    });
    const frontend = section(config, 'frontend gateway');
    expect(frontend).toContain('bind :8443 ssl crt /run/secrets/gateway-certificate alpn h2,http/1.1');
    expect(frontend).toContain('http-request set-var(txn.user) http_auth_bearer,map(/run/secrets/gateway-tokens)');
    expect(frontend.join('\n')).toContain('gt 1000 }');
    expect(section(config, 'global')).toEqual(
      expect.arrayContaining(['nbthread 4', 'maxconn 99', 'hard-stop-after 20s']),
    );
    expect(config).toContain('stats socket /run/gateway/haproxy.sock');
    expect(section(config, 'defaults gateway')).toEqual(
      expect.arrayContaining(['timeout server 5s', 'option dontlog-normal']),
    );
  });

  test('refuses who has no token, asks for one, and keeps it from logs and model servers', () => {
    const frontend = section(renderGatewayConfig({ tokensFile: '/run/secrets/tokens' }), 'frontend gateway');
    const at = (text: string) => frontend.findIndex((line) => line.includes(text));
    expect(at(`hdr WWW-Authenticate 'Bearer realm="models"'`)).toBeGreaterThan(at('http_auth_bearer'));
    expect(at('http-request del-header Authorization')).toBeGreaterThan(at('WWW-Authenticate'));
    expect(at('use_backend')).toBeGreaterThan(at('WWW-Authenticate'));
    const log = frontend[at('log-format')];
    expect(log).not.toMatch(/%\S*(hr|HU|HQ|HPQ|\)r)\b|authorization|capture/i);
  });

  test('counts users in a table that a reload keeps', () => {
    const config = renderGatewayConfig();
    expect(section(config, 'backend users')).toContain(
      'stick-table type string len 64 size 100k expire 1h peers gateway store http_req_cnt',
    );
    expect(section(config, 'peers gateway')).toContain('peer gateway 127.0.0.1:10000');
    expect(section(config, 'global')).toContain('localpeer gateway');
    expect(section(config, 'frontend gateway')).toContain(
      'http-request track-sc0 var(txn.user) table users if { var(txn.model) -m found }',
    );
  });

  test('tries again only what no server has begun to answer', () => {
    expect(section(renderGatewayConfig(), 'defaults gateway')).toEqual(
      expect.arrayContaining(['retry-on conn-failure empty-response', 'option redispatch 1', 'retries 3']),
    );
  });

  test.each<[string, unknown]>([
    ['tlsCertificateFile', 'relative.pem'],
    ['tokensFile', '/run/secrets/tokens) -m found }\n  http-request allow'],
    ['tokensFile', '/run/my secrets'],
    ['maxBodyBytes', 0],
    ['timeoutSeconds', 1.5],
    ['maxConnections', -1],
    ['threads', Number.NaN],
    ['runtimeDirectory', ''],
  ])('refuses %s %j', (prop, value) => {
    const render = () => renderGatewayConfig({ [prop]: value });
    expect(render).toThrow(ValidationError);
    expect(render).toThrow(`'${prop}'`);
  });

  test('refuses an option that it does not know', () => {
    expect(() => renderGatewayConfig({ tokenFile: '/x' } as GatewayConfigOptions, 'staging/gateway')).toThrow(
      `staging/gateway: 'options.tokenFile' is not a known key`,
    );
  });
});

describe('gateway configuration of a release', () => {
  test('is the same bytes for the same release, and names its content in the first line', () => {
    const text = renderReleaseConfig(release(version()));
    expect(renderReleaseConfig(release(version()))).toBe(text);
    expect(text.split('\n')[0]).toBe(`# release ${releaseHash(text)}`);
    expect(text).toContain(`"ready":true,"release":"${releaseHash(text)}"`);
    expect(releaseHash(renderReleaseConfig(release(version({ host: 'other' }))))).not.toBe(releaseHash(text));
  });

  test('is not ready and says so while no model is released', () => {
    const backend = section(renderReleaseConfig({ models: [] }), 'backend release').join('\n');
    expect(backend).toContain('return status 503');
    expect(backend).toContain('{"error":"no model is released"}');
  });

  test('turns shares into weights, checks health and names the version that answered', () => {
    const text = renderReleaseConfig(
      release(version({ version: 3, share: 90, host: 'v3' }), version({ version: 4, share: 10, host: 'v4', port: 81 })),
    );
    const backend = section(text, 'backend model_cancer');
    expect(backend).toEqual(
      expect.arrayContaining([
        'http-check send meth GET uri /v2/health/ready',
        'http-request set-path /invocations if { path /models/cancer/invocations }',
        'http-response set-header X-Model-Version %[srv_name,field(1,_)]',
        'server 3 v3:8080 weight 90',
        'server 4 v4:81 weight 10',
        'use-server 4 if { path /v2/models/cancer/versions/4 } || { path_beg /v2/models/cancer/versions/4/ }',
      ]),
    );
    expect(backend.join('\n')).toContain('!{ path,field(6,/) -m str 3 4 }');
  });

  test('keeps a version with a share of 0 up without traffic', () => {
    const text = renderReleaseConfig(release(version({ share: 100 }), version({ version: 2, share: 0 })));
    expect(section(text, 'backend model_cancer')).toContain('server 2 staging-models-cancer-v1:8080 weight 0');
  });

  test('divides a share among replicas', () => {
    const text = renderReleaseConfig(
      release(version({ share: 75, replicas: 2 }), version({ version: 2, share: 25, host: 'v2', replicas: 3 })),
    );
    const servers = section(text, 'backend model_cancer').filter((line) => line.startsWith('server '));
    expect(servers).toEqual([
      'server 1 staging-models-cancer-v1:8080 weight 225',
      'server 1_2 staging-models-cancer-v1:8080 weight 225',
      'server 2 v2:8080 weight 50',
      'server 2_2 v2:8080 weight 50',
      'server 2_3 v2:8080 weight 50',
    ]);
  });

  test('weights are whole, at most 256, 0 only for no share, and within a hundredth of the share', () => {
    const cases = fc
      .array(fc.record({ part: fc.integer({ min: 0, max: 50 }), replicas: fc.integer({ min: 1, max: 9 }) }), {
        minLength: 1,
        maxLength: 4,
      })
      // One server's weight is at most 256 times another's, so that a smaller share than that can't be met.
      .filter((parts) => {
        const perServer = parts.filter(({ part }) => part > 0).map(({ part, replicas }) => part / replicas);
        return perServer.length > 0 && Math.max(...perServer) <= 256 * Math.min(...perServer);
      });
    fc.assert(
      fc.property(cases, (parts) => {
        const total = parts.reduce((sum, { part }) => sum + part, 0);
        const versions = parts.map(({ part, replicas }, v) =>
          version({ version: v, share: (part * 100) / total, replicas }),
        );
        const weights = serverWeights(versions);
        const all = versions.reduce((sum, { replicas }, v) => sum + weights[v] * replicas!, 0);
        versions.forEach(({ share, replicas }, v) => {
          expect(Number.isInteger(weights[v]) && weights[v] <= 256).toBe(true);
          expect(weights[v] === 0).toBe(share === 0);
          expect(Math.abs((weights[v] * replicas! * 100) / all - share)).toBeLessThan(1);
        });
      }),
      // The highest weight that there is would miss this one.
      {
        examples: [
          [
            [
              { part: 36, replicas: 1 },
              { part: 7, replicas: 9 },
            ],
          ],
        ],
      },
    );
  });

  test.each([
    'Cancer',
    '-cancer',
    'cancer-',
    'can cer',
    'cancer\n  http-request allow',
    'cancer"',
    "cancer'",
    'cancer{',
    'cancer%[src]',
    '$HOME',
    '',
    'a'.repeat(64),
  ])('refuses the model name %j', (name) => {
    const render = () => renderReleaseConfig({ models: [{ name, versions: [version()] }] }, 'staging-models/release');
    expect(render).toThrow(ValidationError);
    expect(render).toThrow("staging-models/release: 'models[0].name' is " + JSON.stringify(name));
  });

  test.each(['1 weight 100', '1\nbackend x', '1_2', 'V1', '', -1, 1.5])('refuses the version %j', (bad) => {
    const render = () => renderReleaseConfig(release(version({ version: bad })));
    expect(render).toThrow("'models[0].versions[0].version' is " + JSON.stringify(bad));
  });

  test.each(['a b', 'host:80', 'host\n', '', '-x', 'unix@/tmp/x'])('refuses the host %j', (host) => {
    expect(() => renderReleaseConfig(release(version({ host })))).toThrow("'models[0].versions[0].host'");
  });

  test.each([0, 65_536, 80.5])('refuses the port %j', (port) => {
    expect(() => renderReleaseConfig(release(version({ port })))).toThrow("'models[0].versions[0].port' is " + port);
  });

  test.each([
    [[60, 30], 90],
    [[100, 1], 101],
    [[0], 0],
  ])('refuses shares %j, which do not add up', (shares, sum) => {
    const versions = shares.map((share, v) => version({ version: v + 1, share }));
    expect(() => renderReleaseConfig(release(...versions))).toThrow(
      `'models[0] (cancer)' is ${sum}; the versions' shares must add up to 100`,
    );
  });

  test.each([33.3, -1, 101, Number.NaN])('refuses the share %j', (share) => {
    expect(() => renderReleaseConfig(release(version({ share })))).toThrow("'models[0].versions[0].share' is " + share);
  });

  test('refuses a model or a version twice, and a model without versions', () => {
    const model = { name: 'cancer', versions: [version()] };
    expect(() => renderReleaseConfig({ models: [model, model] })).toThrow(`'models[1].name' is "cancer"`);
    expect(() => renderReleaseConfig(release(version({ share: 50 }), version({ share: 50, version: '1' })))).toThrow(
      `'models[0].versions[1].version' is "1"`,
    );
    expect(() => renderReleaseConfig(release())).toThrow('name at least one version');
  });
});

describe('gateway entrypoint', () => {
  test('is a shell script with nothing that a template could take for its own', () => {
    expect(GATEWAY_ENTRYPOINT.startsWith('#!/bin/sh\n')).toBe(true);
    expect(GATEWAY_ENTRYPOINT).not.toMatch(/\$\{|%\{|%[A-Z_]+%/);
    execFileSync('sh', ['-n'], { input: GATEWAY_ENTRYPOINT });
  });

  test('serves the release of no model until there is one', () => {
    expect(GATEWAY_ENTRYPOINT).toContain(renderReleaseConfig({ models: [] }));
  });

  test('has the defaults that its options promise', () => {
    expect(GATEWAY_ENTRYPOINT).toBe(
      renderGatewayEntrypoint({
        baseFile: '/etc/gateway/haproxy.cfg',
        liveDirectory: '/live',
        workDirectory: '/tmp/gateway',
        stopSeconds: 20,
        timeoutSeconds: 60,
      }),
    );
  });

  test('gives old workers the time that an answer may take, and no more than half a minute', () => {
    expect(drainSeconds({ timeoutSeconds: 5 })).toBe(20);
    expect(renderGatewayEntrypoint({ timeoutSeconds: 5 })).toContain('\ndrain_seconds=20\n');
    expect(renderGatewayEntrypoint({ timeoutSeconds: 600 })).toContain('\ndrain_seconds=30\n');
  });

  test('refuses a path that the shell would read as more than one word', () => {
    expect(() => renderGatewayEntrypoint({ liveDirectory: '/live; rm -rf /' })).toThrow("'liveDirectory' is");
  });
});
