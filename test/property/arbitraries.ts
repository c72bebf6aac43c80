import * as fc from 'fast-check';

/*
 * What a program may be given, as plain data, so that a failing case can be read: mostly what is right, and now and then
 * what is not. Which is which is for the library to say.
 */

/** Mostly right, now and then anything. */
export function mostly<T>(right: fc.Arbitrary<T>, ...wrong: fc.Arbitrary<unknown>[]): fc.Arbitrary<T> {
  return fc.oneof({ weight: 80, arbitrary: right }, { weight: 1, arbitrary: fc.oneof(...wrong) as fc.Arbitrary<T> });
}

/** Text of every kind: of other languages, with Terraform's signs, quotes and line ends. */
export const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc
    .array(
      fc.constantFrom('${', '%{', '}', '$', '%', '$${', '"', "'", '\\', '\n', '\t', '{{', 'if', 'x', ' ', '#', '//'),
      {
        maxLength: 12,
      },
    )
    .map((parts) => parts.join('')),
);

const notNul = (value: string) => value !== '' && !value.includes('\u0000');
export const words = mostly(text.filter(notNul), text);

const letters = [...'abcdefghijklmnopqrstuvwxyz0123456789'];
export const label = mostly(
  fc.string({ unit: fc.constantFrom(...letters, ...letters, '-'), minLength: 1, maxLength: 20 }).map((s) => `a${s}a`),
  text,
);

export const port = mostly(fc.integer({ min: 1, max: 65535 }), fc.integer({ min: -9, max: 70000 }), fc.double(), text);

export const whole = (min: number, max: number) =>
  mostly(fc.integer({ min, max }), fc.integer(), fc.double(), fc.constant(null));

export const memory = mostly(
  fc.oneof(
    fc.integer({ min: 6, max: 4096 }).map((n) => `${n}Mi`),
    fc.integer({ min: 1, max: 64 }).map((n) => `${n}Gi`),
    fc.constantFrom('1.5Gi', '2G', '64M', '100000k', '8388608'),
  ),
  fc.constantFrom('1', '1Mi', '-1Gi', '1gb', '', 'lots', '1e3', 'Gi'),
  text,
  fc.integer(),
);

export const cpu = mostly(
  fc.oneof(
    fc.integer({ min: 10, max: 4000 }).map((n) => `${n}m`),
    fc.integer({ min: 1, max: 16 }).map(String),
    fc.constantFrom('0.5', '1.25'),
  ),
  fc.constantFrom('0', '1m', '-1', '1.2345', '', 'm', '1 core'),
  text,
  fc.double(),
);

export const image = mostly(
  fc
    .tuple(
      fc.constantFrom('', 'registry.example.com/', 'localhost:5000/', 'ghcr.io/org/'),
      fc.constantFrom('app', 'a/b', 'a-b', 'my_app', 'x__y.z'),
      fc.constantFrom(':1.2.3', ':1', ':latest', `@sha256:${'0a'.repeat(32)}`, ''),
    )
    .map((parts) => parts.join('')),
  fc.constantFrom('', 'UPPER:1', 'a b:1', 'app:', 'app@sha256:12', 'http://x/y:1', 'host:99999/x:1'),
  text,
);

export const path = mostly(
  fc
    .array(fc.constantFrom('etc', 'data', 'app.conf', 'x-1', '_'), { minLength: 1, maxLength: 4 })
    .map((p) => `/${p.join('/')}`),
  fc.constantFrom('relative', '/a/../b', '/a/./b', '/a b', '/', '', '/run/secrets', '/run/secrets/x'),
  text,
);

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 3 });

export const timing = fc.record(
  {
    intervalSeconds: whole(1, 3600),
    timeoutSeconds: whole(1, 3600),
    retries: whole(1, 100),
    startSeconds: whole(1, 3600),
  },
  { requiredKeys: [], noNullPrototype: true },
);

/** A workload. */
export const workload = fc.record({
  id: mostly(
    fc.constantFrom('web', 'Web-1', 'a.b_c', 'Resource'),
    text.filter((s) => s !== '' && !s.includes('/')),
  ),
  image,
  allowUnpinned: mostly(fc.constant(true), fc.constant(false)),
  entrypoint: optional(fc.array(words, { minLength: 1, maxLength: 3 })),
  command: optional(mostly(fc.array(words, { minLength: 1, maxLength: 4 }), fc.constant([]))),
  environment: optional(
    fc.dictionary(
      mostly(fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,9}$/), text),
      mostly(
        text.filter((s) => !s.includes('\0')),
        fc.integer(),
      ),
    ),
  ),
  files: optional(fc.array(fc.record({ path, content: words, executable: fc.boolean() }), { maxLength: 3 })),
  secrets: optional(fc.array(label, { minLength: 1, maxLength: 3 })),
  literalSecret: mostly(fc.constant(false), fc.constant(true)),
  volumes: optional(
    fc.array(
      fc.record({
        kind: fc.constantFrom('persistent', 'existing', 'scratch', 'host'),
        name: label,
        path,
        size: optional(memory),
        protect: fc.boolean(),
      }),
      { maxLength: 3 },
    ),
  ),
  cpu: optional(cpu),
  memory: optional(memory),
  gpu: mostly(fc.constant(undefined), fc.constantFrom('all', 2)),
  user: mostly(
    fc.constantFrom('1000', '1000:1000', '0:0'),
    fc.constantFrom('root', '', '-1', '1:2:3'),
    fc.integer(),
    text,
  ),
  capabilities: optional(fc.array(mostly(fc.constantFrom('CAP_NET_ADMIN', 'CAP_CHOWN'), text), { maxLength: 2 })),
  readOnlyRoot: mostly(fc.constant(undefined), fc.boolean()),
  ports: optional(
    fc.array(
      fc.record({
        name: label,
        port,
        scheme: optional(mostly(fc.constantFrom('https', 'grpc'), text)),
        publish: optional(port),
      }),
      { maxLength: 3 },
    ),
  ),
  health: fc.oneof(
    fc.record({ path: mostly(fc.constantFrom('/', '/health', '/v2/x?y=z&a=%20'), text), port, timing }),
    fc.record({ command: fc.array(words, { minLength: 1, maxLength: 3 }), timing }),
    fc.record({ none: mostly(fc.constant('ends by itself'), fc.constant(' ')) }),
  ),
  replicas: optional(whole(0, 4)),
  autoscaling: mostly(fc.constant(undefined), fc.record({ minReplicas: whole(1, 2), maxReplicas: whole(2, 4) })),
  createFirst: mostly(fc.constant(false), fc.constant(true)),
  stopSeconds: optional(whole(0, 600)),
  hostProcesses: fc.boolean(),
});
export type WorkloadCase = typeof workload extends fc.Arbitrary<infer T> ? T : never;

const shares = fc
  .uniqueArray(fc.integer({ min: 0, max: 100 }), { minLength: 0, maxLength: 3 })
  .map((cuts) => [0, ...cuts.sort((a, b) => a - b), 100])
  .map((cuts) => cuts.slice(1).map((cut, index) => cut - cuts[index]));

/** The content of a release's file. */
export const release = mostly(
  fc.record({
    models: mostly(
      fc.dictionary(
        label,
        fc
          .record(
            {
              shares: mostly(shares, fc.array(whole(0, 100), { maxLength: 3 })),
              first: whole(1, 1000),
              replicas: whole(1, 4),
              cpu,
              memory,
              typo: mostly(fc.constant(undefined), fc.constant(1)),
            },
            { requiredKeys: ['shares', 'first'] },
          )
          .map(({ shares: of, first, typo, ...rest }) => ({
            versions: of.map((share, index) => ({ version: (first as number) + index, share })),
            ...rest,
            ...(typo === undefined ? {} : { shards: typo }),
          })),
        { maxKeys: 3 },
      ),
      fc.constantFrom(null, [], 'cancer', undefined),
    ),
  }),
  fc.constantFrom({}, { model: {} }),
);
export type ReleaseCase = typeof release extends fc.Arbitrary<infer T> ? T : never;

const enabled = mostly(fc.constant(true), fc.constant(false), fc.constant('false'));
const some = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  optional(mostly(fc.record(model, { requiredKeys: [], noNullPrototype: true }), fc.constantFrom(null, 'on', [])));
const hosts = mostly(fc.constantFrom('ml.example.com', '*.example.com', '10.0.0.1'), text);

/** An environment's configuration; `existing` and receivers are made where it is built. */
const known = fc.record(
  {
    database: some({ storage: memory, existing: mostly(fc.constant(undefined), fc.constant(true)) }),
    artifacts: some({ storage: memory, existing: mostly(fc.constant(undefined), fc.constant(true)) }),
    registry: some({
      port,
      allowedHosts: fc.array(hosts, { maxLength: 2 }),
      existing: mostly(fc.constant(undefined), fc.constant(true)),
    }),
    training: some({ enabled, cpu, memory, concurrency: whole(1, 8), maxAgeDays: whole(1, 100) }),
    gateway: some({ enabled, port, tls: fc.boolean(), tokens: fc.array(label, { minLength: 1, maxLength: 2 }) }),
    containers: some({ enabled, port }),
    jenkins: some({ enabled, port }),
    monitoring: some({
      enabled,
      retentionDays: whole(1, 100),
      prometheusPort: port,
      alertmanagerPort: port,
      grafanaPort: port,
      webhooks: fc.array(fc.record({ name: label, url: mostly(fc.webUrl(), text) }), { maxLength: 2 }),
    }),
    protect: fc.boolean(),
  },
  { requiredKeys: [], noNullPrototype: true },
);
export const environment = mostly(
  known,
  known.map((right) => ({ ...right, monitor: {} })),
);
export type EnvironmentCase = typeof environment extends fc.Arbitrary<infer T> ? T : never;
