import { IConstruct } from 'constructs';
import type * as yaml from 'yaml';
import { check, UNKNOWN_KEY } from '../core/errors';
import { Image } from '../core/image';
import { checkLabel } from '../core/names';
import { checkWhole, parseCpu, parseMemory } from '../core/quantity';
import { toYaml } from '../core/yaml';

/** Rights that a user or a group of Jenkins has everywhere. */
export interface JenkinsGrant {
  /** Id of a user. Exactly one of `user` and `group`. @default - a group */
  readonly user?: string;
  /** Name of a group; `authenticated` is everybody who has signed in, `anonymous` everybody else. @default - a user */
  readonly group?: string;
  /** As the permission matrix names them, for example `Overall/Read` or `Job/Build`. */
  readonly permissions: string[];
}

/** A kind of agent that Jenkins starts as a container when a job wants its label. */
export interface JenkinsDockerAgent {
  /** What jobs ask for. RFC 1123 label. */
  readonly label: string;
  /** An image with a Java runtime that agents run in, such as one made from `jenkins/agent`. */
  readonly image: Image;
  /** User in the image. @default jenkins */
  readonly user?: string;
  /** Working directory in the image. @default /home/jenkins/agent */
  readonly remoteDirectory?: string;
  /** How many may run at once. @default 2 */
  readonly maxInstances?: number;
  /** Limit of processor time, such as `2` or `500m`. @default - none */
  readonly cpu?: string;
  /** Limit of memory, such as `2Gi`. @default - none */
  readonly memory?: string;
  /** Docker network. @default - the Engine's default network */
  readonly network?: string;
  /** Environment variables; never a secret. @default - none */
  readonly environment?: Record<string, string>;
  /** Minutes after which an idle agent ends. @default 5 */
  readonly idleMinutes?: number;
}

/** A Docker Engine that Jenkins starts agents on. */
export interface JenkinsDockerCloud {
  /**
   * `tcp://host:port`. The socket of the machine is not taken: who administers Jenkins would be root on the machine.
   */
  readonly dockerHost: string;
  /** Id of Jenkins credentials with the client's certificate. @default - no TLS */
  readonly credentialsId?: string;
  /** How many agents may run at once. @default 4 */
  readonly maxContainers?: number;
  readonly agents: JenkinsDockerAgent[];
}

/** A kind of agent that Jenkins starts as a pod when a job wants its label. */
export interface JenkinsKubernetesAgent {
  /** What jobs ask for. RFC 1123 label. */
  readonly label: string;
  /** An image with Jenkins' agent in it, such as one made from `jenkins/inbound-agent`. */
  readonly image: Image;
  /** Numeric user in the image. @default 1000 */
  readonly user?: number;
  /** Working directory in the image. @default /home/jenkins/agent */
  readonly remoteDirectory?: string;
  /** How many may run at once. @default 2 */
  readonly maxInstances?: number;
  /** Limit of processor time, such as `2` or `500m`; a tenth of it is requested. @default 1 */
  readonly cpu?: string;
  /** Limit of memory, such as `2Gi`, and as much is requested. @default 1Gi */
  readonly memory?: string;
  /** Name of the service account of its pods, in the agents' namespace. @default - the namespace's default */
  readonly serviceAccount?: string;
  /** Environment variables; never a secret. @default - none */
  readonly environment?: Record<string, string>;
  /** Minutes after which an idle agent ends. @default 5 */
  readonly idleMinutes?: number;
}

/** A Kubernetes cluster that Jenkins starts agents on. */
export interface JenkinsKubernetesCloud {
  /** The cluster's API, for example `https://kubernetes.default.svc`. */
  readonly serverUrl: string;
  /** Certificate of the API's authority in PEM; it is no secret. @default - an authority that the controller's Java trusts */
  readonly serverCertificate?: string;
  /**
   * Id of Jenkins credentials with a token that may create, read, watch and delete pods of the namespace, and read their
   * logs and events: nothing else is needed.
   */
  readonly credentialsId: string;
  /** Where agents run: a namespace of their own, since a build is other people's code. RFC 1123 label. */
  readonly agentNamespace: string;
  /** How many agents may run at once. @default 4 */
  readonly maxContainers?: number;
  readonly agents: JenkinsKubernetesAgent[];
}

/** What a controller's configuration is made from. */
export interface JenkinsConfiguration {
  readonly adminUsername: string;
  /** Name of the file in `/run/secrets` with the administrator's password. */
  readonly adminPasswordFile: string;
  /** Where people reach it. */
  readonly url: string;
  /** @default - none */
  readonly adminAddress?: string;
  readonly systemMessage: string;
  /** Rights beside those of the administrator. */
  readonly grants: JenkinsGrant[];
  /** @default - no agents */
  readonly dockerCloud?: JenkinsDockerCloud;
  /** @default - no agents */
  readonly kubernetesCloud?: JenkinsKubernetesCloud;
}

/** The path of the metrics, as the plugin's configuration writes it. */
export const METRICS_PATH = 'prometheus';

/** Keys at the top of a configuration; any other one keeps Jenkins from starting. */
const ROOT_KEYS = [
  'appearance',
  'configuration-as-code',
  'credentials',
  'items',
  'jenkins',
  'jobs',
  'security',
  'tool',
  'unclassified',
];

/**
 * The controller's configuration for the Configuration as Code plugin. The same input gives the same data.
 *
 * Text that was handed in stands literally: what the plugin would take for a reference to a secret is escaped.
 */
export function jenkinsConfiguration(scope: IConstruct, config: JenkinsConfiguration): Record<string, unknown> {
  const clouds = [
    ...(config.dockerCloud === undefined ? [] : [dockerCloud(scope, config.dockerCloud)]),
    ...(config.kubernetesCloud === undefined ? [] : [kubernetesCloud(scope, config.kubernetesCloud, config.url)]),
  ];
  return {
    jenkins: {
      systemMessage: literal(config.systemMessage),
      // Nothing builds on the controller.
      numExecutors: 0,
      mode: 'EXCLUSIVE',
      // Agents that come in by themselves use WebSocket, over the ordinary port.
      slaveAgentPort: -1,
      noUsageStatistics: true,
      crumbIssuer: 'standard',
      markupFormatter: 'plainText',
      securityRealm: {
        local: {
          allowsSignup: false,
          users: [{ id: literal(config.adminUsername), password: `\${${config.adminPasswordFile}}` }],
        },
      },
      authorizationStrategy: {
        globalMatrix: {
          entries: [
            { user: { name: literal(config.adminUsername), permissions: ['Overall/Administer'] } },
            ...config.grants.map((grant) => grantEntry(scope, grant)),
          ],
        },
      },
      ...(clouds.length === 0 ? {} : { clouds }),
    },
    security: {
      apiToken: {
        creationOfLegacyTokenEnabled: false,
        tokenGenerationOnCreationEnabled: false,
        usageStatisticsEnabled: true,
      },
      globalJobDslSecurityConfiguration: { useScriptSecurity: true },
    },
    unclassified: {
      location: {
        url: literal(config.url),
        ...(config.adminAddress === undefined ? {} : { adminAddress: literal(config.adminAddress) }),
      },
      prometheusConfiguration: {
        path: METRICS_PATH,
        // Prometheus reads it inside the environment, without an account.
        useAuthenticatedEndpoint: false,
        collectDiskUsage: false,
        collectingMetricsPeriodInSeconds: 30,
      },
    },
  };
}

/**
 * Configuration as text. The plugin reads YAML 1.1, in which a bare `no` or `on` is a boolean; such words are quoted here.
 */
export function renderConfiguration(configuration: Record<string, unknown>): string {
  return toYaml(configuration);
}

/**
 * Refuses additional configuration that would keep Jenkins from starting: malformed YAML, unknown top keys, and values
 * that the construct sets already.
 */
export function checkExtraConfiguration(scope: IConstruct, text: string, own: Record<string, unknown>): void {
  const prop = 'extraConfiguration';
  // Loaded where it is needed: most environments have no additional configuration.
  const { parseDocument } = require('yaml') as typeof yaml;
  const document = parseDocument(text, { version: '1.1' });
  const problem = document.errors[0]?.message.split('\n')[0];
  check(problem === undefined, scope, prop, problem, 'write YAML');
  const extra: unknown = document.toJS();
  check(isMapping(extra), scope, prop, text, 'write a mapping, such as "unclassified: {...}"');
  for (const key of Object.keys(extra)) {
    check(
      ROOT_KEYS.includes(key) || key.startsWith('x-'),
      scope,
      `${prop}.${key}`,
      UNKNOWN_KEY,
      `use one of: ${ROOT_KEYS.join(', ')}`,
    );
  }
  checkApart(scope, prop, extra, own);
}

/** Two files may add to one mapping, and must not set one value twice. */
function checkApart(scope: IConstruct, path: string, extra: unknown, own: unknown): void {
  if (own === undefined) return;
  if (isMapping(extra) && isMapping(own)) {
    for (const [key, value] of Object.entries(extra)) checkApart(scope, `${path}.${key}`, value, own[key]);
    return;
  }
  check(false, scope, path, extra, 'leave it out: the construct sets it; where there is a prop for it, use that');
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function grantEntry(scope: IConstruct, grant: JenkinsGrant): Record<string, unknown> {
  check(
    (grant.user === undefined) !== (grant.group === undefined),
    scope,
    'grants',
    grant,
    'name a user or a group, and not both',
  );
  for (const permission of grant.permissions) {
    check(
      /^[A-Z][A-Za-z ]*\/[A-Z][A-Za-z ]*$/.test(permission),
      scope,
      'grants.permissions',
      permission,
      "write it as the permission matrix does, such as 'Job/Build'",
    );
  }
  const entry = { name: literal((grant.user ?? grant.group)!), permissions: [...grant.permissions] };
  return grant.user === undefined ? { group: entry } : { user: entry };
}

function dockerCloud(scope: IConstruct, cloud: JenkinsDockerCloud): Record<string, unknown> {
  check(
    /^tcp:\/\/[A-Za-z0-9.-]+:\d{1,5}$/.test(cloud.dockerHost),
    scope,
    'dockerCloud.dockerHost',
    cloud.dockerHost,
    "write tcp://host:port; the machine's own socket would make administrators of Jenkins root on the machine",
  );
  const maxContainers = cloud.maxContainers ?? 4;
  checkWhole(scope, 'dockerCloud.maxContainers', maxContainers, 1, 1000);
  checkLabels(scope, 'dockerCloud.agents', cloud.agents);
  return {
    docker: {
      name: 'docker',
      containerCap: maxContainers,
      dockerApi: {
        connectTimeout: 60,
        readTimeout: 60,
        dockerHost: {
          uri: cloud.dockerHost,
          ...(cloud.credentialsId === undefined ? {} : { credentialsId: literal(cloud.credentialsId) }),
        },
      },
      templates: cloud.agents.map((agent) => dockerAgent(scope, agent)),
    },
  };
}

function dockerAgent(scope: IConstruct, agent: JenkinsDockerAgent): Record<string, unknown> {
  const maxInstances = agent.maxInstances ?? 2;
  const idleMinutes = agent.idleMinutes ?? 5;
  const environment = Object.entries(agent.environment ?? {}).map(([name, value]) => `${name}=${value}`);
  const prop = 'dockerCloud.agents';
  checkWhole(scope, `${prop}.maxInstances`, maxInstances, 1, 1000);
  checkWhole(scope, `${prop}.idleMinutes`, idleMinutes, 0, 1440);
  const multiline = environment.find((line) => /[\r\n]/.test(line));
  check(multiline === undefined, scope, `${prop}.environment`, multiline, 'use values of one line');
  return {
    name: agent.label,
    labelString: agent.label,
    mode: 'EXCLUSIVE',
    instanceCapStr: String(maxInstances),
    remoteFs: literal(agent.remoteDirectory ?? '/home/jenkins/agent'),
    pullStrategy: 'PULL_LATEST',
    removeVolumes: true,
    retentionStrategy: { idleMinutes },
    connector: { attach: { user: literal(agent.user ?? 'jenkins') } },
    dockerTemplateBase: {
      image: agent.image.resolve(scope),
      ...(agent.network === undefined ? {} : { network: literal(agent.network) }),
      ...(agent.cpu === undefined ? {} : { cpus: String(parseCpu(scope, `${prop}.cpu`, agent.cpu) / 1000) }),
      ...(agent.memory === undefined
        ? {}
        : { memoryLimit: Math.ceil(parseMemory(scope, `${prop}.memory`, agent.memory) / 2 ** 20) }),
      ...(environment.length === 0 ? {} : { environmentsString: literal(environment.sort().join('\n')) }),
    },
  };
}

function kubernetesCloud(scope: IConstruct, cloud: JenkinsKubernetesCloud, url: string): Record<string, unknown> {
  check(
    /^https:\/\/[A-Za-z0-9.-]+(:\d{1,5})?$/.test(cloud.serverUrl),
    scope,
    'kubernetesCloud.serverUrl',
    cloud.serverUrl,
    "write https://host[:port], for example 'https://kubernetes.default.svc'",
  );
  checkLabel(scope, 'kubernetesCloud.agentNamespace', cloud.agentNamespace);
  check(
    typeof cloud.credentialsId === 'string' && cloud.credentialsId !== '',
    scope,
    'kubernetesCloud.credentialsId',
    cloud.credentialsId,
    'name the Jenkins credentials that hold the token',
  );
  const maxContainers = cloud.maxContainers ?? 4;
  checkWhole(scope, 'kubernetesCloud.maxContainers', maxContainers, 1, 1000);
  checkLabels(scope, 'kubernetesCloud.agents', cloud.agents);
  return {
    kubernetes: {
      name: 'kubernetes',
      serverUrl: cloud.serverUrl,
      ...(cloud.serverCertificate === undefined ? {} : { serverCertificate: literal(cloud.serverCertificate) }),
      credentialsId: literal(cloud.credentialsId),
      namespace: cloud.agentNamespace,
      jenkinsUrl: literal(url),
      // Over the ordinary port: the controller has no other for agents.
      webSocket: true,
      containerCap: maxContainers,
      // Pods as the Pod Security standard `restricted` wants them.
      restrictedPssSecurityContext: true,
      templates: cloud.agents.map((agent) => kubernetesAgent(scope, agent)),
    },
  };
}

function kubernetesAgent(scope: IConstruct, agent: JenkinsKubernetesAgent): Record<string, unknown> {
  const { label } = agent;
  const user = agent.user ?? 1000;
  const maxInstances = agent.maxInstances ?? 2;
  const idleMinutes = agent.idleMinutes ?? 5;
  const prop = 'kubernetesCloud.agents';
  checkWhole(scope, `${prop}.user`, user, 1, 2 ** 31 - 1);
  checkWhole(scope, `${prop}.maxInstances`, maxInstances, 1, 1000);
  checkWhole(scope, `${prop}.idleMinutes`, idleMinutes, 0, 1440);
  const cpu = parseCpu(scope, `${prop}.cpu`, agent.cpu ?? '1');
  const memory = `${Math.ceil(parseMemory(scope, `${prop}.memory`, agent.memory ?? '1Gi') / 2 ** 20)}Mi`;
  if (agent.serviceAccount !== undefined) checkLabel(scope, `${prop}.serviceAccount`, agent.serviceAccount);
  const environment = Object.entries(agent.environment ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    name: label,
    label,
    nodeUsageMode: 'EXCLUSIVE',
    instanceCap: maxInstances,
    idleMinutes,
    runAsUser: String(user),
    ...(agent.serviceAccount === undefined ? {} : { serviceAccount: agent.serviceAccount }),
    containers: [
      {
        // The container of this name is the agent itself; with another name the plugin adds one with its own image.
        name: 'jnlp',
        image: agent.image.resolve(scope),
        workingDir: literal(agent.remoteDirectory ?? '/home/jenkins/agent'),
        resourceRequestCpu: `${Math.ceil(cpu / 10)}m`,
        resourceLimitCpu: `${cpu}m`,
        resourceRequestMemory: memory,
        resourceLimitMemory: memory,
        ...(environment.length === 0
          ? {}
          : { envVars: environment.map(([key, value]) => ({ envVar: { key, value: literal(value) } })) }),
      },
    ],
  };
}

/** Jobs find an agent by its label. */
function checkLabels(scope: IConstruct, prop: string, agents: readonly { readonly label: string }[]): void {
  const labels = agents.map(({ label }) => label);
  for (const label of labels) checkLabel(scope, `${prop}.label`, label);
  const twice = labels.find((label, index) => labels.indexOf(label) !== index);
  check(twice === undefined, scope, prop, twice, 'use each label once');
}

/** Text in which the plugin finds no reference; Terraform's tokens stay. */
function literal(text: string): string {
  return text.replace(/\$\{(?!TfToken\[)/g, (reference) => `^${reference}`);
}
