import { TerraformStack, Testing } from 'cdktf';
import * as fc from 'fast-check';
import { parse } from 'yaml';
import { Image, Publish, Secret } from '../../lib/core';
import { DockerPlatform } from '../../lib/docker';
import { Jenkins, JenkinsProps } from '../../lib/jenkins/jenkins';
import { fakeStack } from '../support/fake-platform';

type Props = Omit<JenkinsProps, 'platform'>;
/** Untyped data, as the parser returns it. */
type Loose = ReturnType<typeof parse>;

function make(props: Props = {}) {
  const { stack, platform } = fakeStack();
  const jenkins = new Jenkins(stack, 'jenkins', { platform, ...props });
  return { stack, jenkins, workload: platform.workload('jenkins') };
}

/** The controller's configuration as Jenkins reads it, after Terraform has unescaped it. */
function configuration(props: Props = {}): Loose {
  const { content } = make(props).workload.spec.files![0];
  return parse(content.replace(/([$%])\1\{/g, '$1{'), { version: '1.1' });
}

test('a controller runs as its own user, with its home on a volume that outlives it', () => {
  const { workload, jenkins } = make();
  expect(workload.physicalName).toBe('test-jenkins');
  expect(workload.spec.image.resolve(workload)).toBe('cdktf-mlops/jenkins:2.568.2-1');
  expect(workload.spec.user).toBe('1000:1000');
  expect(workload.spec.volumes).toEqual([
    expect.objectContaining({ kind: 'persistent', name: 'home', mountPath: '/var/jenkins_home', protect: false }),
  ]);
  expect(workload.spec.resources).toMatchObject({ cpuMillis: 2000, memoryBytes: 2 * 2 ** 30 });
  expect(workload.stopSeconds).toBe(60);
  expect(workload.props.healthCheck).toMatchObject({ path: '/login', port: 8080, startSeconds: 300 });
  expect(workload.props.ports).toEqual([{ name: 'http', port: 8080, publish: undefined }]);
  expect(workload.spec.environment).toEqual({
    CASC_JENKINS_CONFIG: '/etc/jenkins/casc',
    CASC_STRICT_SECRET_RESOLUTION: 'true',
    JAVA_OPTS: '-Djenkins.install.runSetupWizard=false -XX:MaxRAMPercentage=60 -XX:+ExitOnOutOfMemoryError',
    JENKINS_SLAVE_AGENT_PORT: '-1',
  });
  expect(jenkins.endpoint.url).toBe('http://test-jenkins:8080');
  expect(jenkins.containers).toEqual([workload]);
});

test('nothing builds on the controller, nobody signs up, and only metrics are open', () => {
  const { jenkins, security, unclassified } = configuration();
  expect(jenkins).toMatchObject({
    numExecutors: 0,
    mode: 'EXCLUSIVE',
    slaveAgentPort: -1,
    crumbIssuer: 'standard',
    markupFormatter: 'plainText',
  });
  expect(jenkins.clouds).toBeUndefined();
  expect(jenkins.securityRealm.local.allowsSignup).toBe(false);
  expect(security.apiToken.creationOfLegacyTokenEnabled).toBe(false);
  expect(unclassified.prometheusConfiguration).toMatchObject({ path: 'prometheus', useAuthenticatedEndpoint: false });
});

test('the administrator alone administers', () => {
  expect(configuration().jenkins.authorizationStrategy.globalMatrix.entries).toEqual([
    { user: { name: 'admin', permissions: ['Overall/Administer'] } },
    {
      group: {
        name: 'authenticated',
        permissions: ['Overall/Read', 'Job/Read', 'Job/Build', 'Job/Cancel', 'View/Read'],
      },
    },
  ]);
});

test("the administrator's password is a secret's file, which Jenkins reads and Terraform does not", () => {
  const app = Testing.app();
  const stack = new TerraformStack(app, 'test');
  const platform = new DockerPlatform(stack, 'platform', { environment: 'test' });
  new Jenkins(stack, 'jenkins', { platform });
  const containers = JSON.parse(Testing.synth(stack, true)).resource.docker_container as Record<string, Loose>;
  const controller = Object.values(containers).find((container) => container.name === 'test-jenkins')!;
  expect(controller.upload[0].file).toBe('/etc/jenkins/casc/controller.yaml');
  // `$${` is how Terraform writes a literal `${`.
  expect(controller.upload[0].content).toContain('password: "$${jenkins-admin-password}"\n');
  expect(JSON.stringify(controller)).not.toContain('random_password');
  expect(Object.keys(make().workload.spec.secrets!)).toEqual(['jenkins-admin-password']);
});

test('a password and more secrets can be handed in', () => {
  const { stack, platform } = fakeStack();
  const adminPassword = Secret.generated(stack, 'mine');
  const token = Secret.generated(stack, 'token');
  const jenkins = new Jenkins(stack, 'jenkins', { platform, adminPassword, secrets: { 'git-token': token } });
  expect(jenkins.adminPassword).toBe(adminPassword);
  expect(platform.workload('jenkins').spec.secrets).toEqual({
    'git-token': token,
    'jenkins-admin-password': adminPassword,
  });
});

test.each([
  [{}, 'http://test-jenkins:8080/'],
  [{ publish: Publish.onLoopback(8080) }, 'http://127.0.0.1:8080/'],
  [{ publish: Publish.onLoopback(8080), url: 'https://ci.example.com' }, 'https://ci.example.com/'],
  [{ url: 'https://ci.example.com/' }, 'https://ci.example.com/'],
])('%j is reached by people at %s', (props, url) => {
  expect(make(props).jenkins.url).toBe(url);
  expect(configuration(props).unclassified.location).toEqual({ url });
});

test('text that looks like a reference to a secret stays text', () => {
  expect(configuration({ systemMessage: 'pay ${amount}' }).jenkins.systemMessage).toBe('pay ^${amount}');
});

test('text that YAML 1.1 would take for something else stays text', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.constantFrom('no', 'on', '1e3', '0o17', '~', '12:30:45', 'a: b', '# c'), fc.string()),
      (text) => {
        expect(configuration({ systemMessage: text }).jenkins.systemMessage).toBe(
          text.replace(/\$\{/g, '^${').replace(/([$%])\1\{/g, '$1{'),
        );
      },
    ),
    { numRuns: 50 },
  );
});

test('the order in which an environment was written does not show', () => {
  const text = (environment: Record<string, string>) => {
    const agents = [{ label: 'a', image: Image.fromRegistry('a:1'), environment }];
    return make({ dockerCloud: { dockerHost: 'tcp://docker:2376', agents } }).workload.spec.files![0].content;
  };
  expect(text({ B: '2', A: '1' })).toBe(text({ A: '1', B: '2' }));
});

test('agents are containers of a Docker Engine that is named', () => {
  const { clouds } = configuration({
    dockerCloud: {
      dockerHost: 'tcp://docker.example.com:2376',
      agents: [
        { label: 'build', image: Image.fromRegistry('registry.example.com/agent:1'), cpu: '500m', memory: '1Gi' },
      ],
    },
  }).jenkins;
  expect(clouds[0].docker).toMatchObject({
    containerCap: 4,
    dockerApi: { dockerHost: { uri: 'tcp://docker.example.com:2376' } },
  });
  expect(clouds[0].docker.templates[0]).toMatchObject({
    labelString: 'build',
    instanceCapStr: '2',
    remoteFs: '/home/jenkins/agent',
    retentionStrategy: { idleMinutes: 5 },
    connector: { attach: { user: 'jenkins' } },
    dockerTemplateBase: { image: 'registry.example.com/agent:1', cpus: '0.5', memoryLimit: 1024 },
  });
});

test('agents are pods of a namespace of their own, in a cluster that is named', () => {
  const agent = { label: 'build', image: Image.fromRegistry('registry.example.com/agent:1') };
  const kubernetesCloud = {
    serverUrl: 'https://cluster.example.com:6443',
    credentialsId: 'agents-token',
    agentNamespace: 'builds',
    agents: [agent],
  };
  const { clouds } = configuration({ kubernetesCloud, url: 'https://ci.example.com' }).jenkins;
  expect(clouds[0].kubernetes).toMatchObject({
    namespace: 'builds',
    containerCap: 4,
    jenkinsUrl: 'https://ci.example.com/',
    webSocket: true,
    restrictedPssSecurityContext: true,
  });
  expect(clouds[0].kubernetes.templates[0]).toMatchObject({
    label: 'build',
    instanceCap: 2,
    idleMinutes: 5,
    runAsUser: '1000',
    containers: [
      {
        name: 'jnlp',
        image: 'registry.example.com/agent:1',
        workingDir: '/home/jenkins/agent',
        resourceLimitCpu: '1000m',
        resourceRequestCpu: '100m',
        resourceLimitMemory: '1024Mi',
      },
    ],
  });
  const { reaches } = make({ kubernetesCloud }).workload.spec;
  expect(reaches!.map(({ address }) => address)).toEqual(['cluster.example.com:6443']);
  expect(make().workload.spec.reaches).toEqual([]);
});

test('more configuration is a file of its own', () => {
  const extraConfiguration = 'unclassified:\n  mailer:\n    smtpHost: mail.example.com\njenkins:\n  quietPeriod: 2\n';
  const [, extra] = make({ extraConfiguration }).workload.spec.files!;
  expect(extra).toMatchObject({ path: '/etc/jenkins/casc/extra.yaml', content: extraConfiguration });
});

describe('refuses', () => {
  const agent = { label: 'a', image: Image.fromRegistry('a:1') };
  const cluster = { serverUrl: 'https://c', credentialsId: 'token', agentNamespace: 'builds', agents: [agent] };
  test.each<[string, Props, string]>([
    ['an administrator with a space', { adminUsername: 'the admin' }, `'adminUsername' is "the admin"; use letters`],
    ['a heap beyond the limit', { heapPercent: 95 }, `'heapPercent' is 95; want a whole number from 10 to 90`],
    ['a URL without a scheme', { url: 'ci.example.com' }, `'url' is "ci.example.com"; write scheme://`],
    [
      'a grant to nobody',
      { grants: [{ permissions: ['Job/Read'] }] },
      `'grants' is {"permissions":["Job/Read"]}; name a user or a group`,
    ],
    [
      'a permission that the matrix does not write so',
      { grants: [{ user: 'a', permissions: ['hudson.model.Item.Build'] }] },
      `'grants.permissions' is "hudson.model.Item.Build"; write it as the permission matrix does, such as 'Job/Build'`,
    ],
    [
      "the machine's own Docker socket",
      { dockerCloud: { dockerHost: 'unix:///var/run/docker.sock', agents: [] } },
      `'dockerCloud.dockerHost' is "unix:///var/run/docker.sock"; write tcp://host:port`,
    ],
    [
      'one label for two agents',
      { dockerCloud: { dockerHost: 'tcp://d:2375', agents: [agent, agent] } },
      `'dockerCloud.agents' is "a"; use each label once`,
    ],
    [
      'a cluster in the clear',
      { kubernetesCloud: { ...cluster, serverUrl: 'http://c:8080' } },
      `'kubernetesCloud.serverUrl' is "http://c:8080"; write https://host[:port]`,
    ],
    [
      'a namespace that can be none',
      { kubernetesCloud: { ...cluster, agentNamespace: 'My Builds' } },
      `'kubernetesCloud.agentNamespace' is "My Builds"; use lower-case letters`,
    ],
    [
      'agents that are root',
      { kubernetesCloud: { ...cluster, agents: [{ ...agent, user: 0 }] } },
      `'kubernetesCloud.agents.user' is 0; want a whole number from 1`,
    ],
    ['configuration that is no YAML', { extraConfiguration: 'a: [' }, `'extraConfiguration' is`],
    ['configuration that is a list', { extraConfiguration: '- a' }, `'extraConfiguration' is "- a"; write a mapping`],
    [
      'an unknown root',
      { extraConfiguration: 'jenkin: {}' },
      `'extraConfiguration.jenkin' is not a known key; use one of: appearance, configuration-as-code, credentials,`,
    ],
    [
      'configuration that the construct writes',
      { extraConfiguration: 'jenkins:\n  securityRealm: legacy' },
      `'extraConfiguration.jenkins.securityRealm' is "legacy"; leave it out: the construct sets it`,
    ],
  ])('%s', (_name, props, message) => {
    expect(() => make(props)).toThrow(message);
  });

  test("a secret in the place of the administrator's password", () => {
    const { stack, platform } = fakeStack();
    const secrets = { 'jenkins-admin-password': Secret.generated(stack, 'x') };
    expect(() => new Jenkins(stack, 'jenkins', { platform, secrets })).toThrow(
      `'secrets' is "jenkins-admin-password"; choose another name`,
    );
  });
});

test('Prometheus scrapes the path that the plugin serves', () => {
  const { observability } = make().jenkins;
  expect(observability.jobs).toEqual([
    { name: 'jenkins', targets: ['test-jenkins:8080'], metricsPath: '/prometheus/' },
  ]);
});

test('every rule and panel says that it needs a real controller', () => {
  const { alerts, panels } = make().jenkins.observability;
  expect([...alerts!, ...panels!].filter((one) => one.needs === undefined)).toEqual([]);
});

test('a controller that exists comes in by its URL', () => {
  const jenkins = Jenkins.fromUrl('https://ci.example.com/jenkins');
  expect(jenkins.endpoint.url).toBe('https://ci.example.com:443/jenkins');
  expect(jenkins.dependables).toEqual([]);
});
