import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { Image } from '../../lib/core';
import { Jenkins, JenkinsProps } from '../../lib/jenkins/jenkins';
import { fakeStack } from '../support/fake-platform';
import { conform, facts } from './jcasc';

/** Untyped data, as the parser returns it. */
type Loose = ReturnType<typeof parse>;

const EVERYTHING: Omit<JenkinsProps, 'platform'> = {
  adminAddress: 'ops@example.com',
  url: 'https://ci.example.com',
  systemMessage: 'costs ${money}',
  grants: [
    { user: 'release-bot', permissions: ['Job/Build'] },
    { group: 'authenticated', permissions: ['Overall/Read', 'Job/Read'] },
  ],
  dockerCloud: {
    dockerHost: 'tcp://docker.example.com:2376',
    credentialsId: 'docker-client',
    agents: [
      { label: 'small', image: Image.fromRegistry('registry.example.com/agent:1') },
      {
        label: 'large',
        image: Image.fromRegistry('registry.example.com/agent:1'),
        cpu: '1500m',
        memory: '3Gi',
        network: 'build',
        environment: { B: '2', A: '1' },
        maxInstances: 3,
        idleMinutes: 0,
      },
    ],
  },
  kubernetesCloud: {
    serverUrl: 'https://kubernetes.default.svc',
    serverCertificate: '-----BEGIN CERTIFICATE-----',
    credentialsId: 'agents-token',
    agentNamespace: 'builds',
    agents: [
      { label: 'pod', image: Image.fromRegistry('registry.example.com/agent:1') },
      {
        label: 'large-pod',
        image: Image.fromRegistry('registry.example.com/agent:1'),
        user: 1234,
        cpu: '1500m',
        memory: '3Gi',
        serviceAccount: 'builder',
        environment: { B: '${2}', A: '1' },
        maxInstances: 3,
        idleMinutes: 0,
      },
    ],
  },
};

function emitted(props: Omit<JenkinsProps, 'platform'> = {}): unknown {
  const { stack, platform } = fakeStack();
  new Jenkins(stack, 'jenkins', { platform, ...props });
  return parse(platform.workload('jenkins').spec.files![0].content, { version: '1.1' });
}

test.each([
  ['the default configuration', {}, 35],
  ['a configuration with everything set', EVERYTHING, 120],
])('Jenkins would accept every key of %s', (_name, props, atLeast) => {
  const { problems, keys } = conform(emitted(props));
  expect(problems).toEqual([]);
  expect(keys).toBeGreaterThanOrEqual(atLeast);
});

describe('the comparison finds', () => {
  test.each<[string, (configuration: Loose) => void, string]>([
    ['an unknown key', (c) => (c.jenkins.numExecutor = 0), 'jenkins.numExecutor: not known to Jenkins'],
    ['an unknown root', (c) => (c.unclasified = {}), 'unclasified: not known'],
    ['an unknown global configuration', (c) => (c.unclassified.promethius = {}), 'unclassified.promethius: not known'],
    [
      'an attribute that newer versions refuse',
      (c) => (c.jenkins.crumbIssuer = { standard: { excludeClientIPFromCrumb: false } }),
      'jenkins.crumbIssuer.standard.excludeClientIPFromCrumb: not known to DefaultCrumbIssuer',
    ],
    ['a deprecated attribute', (c) => (c.jenkins.agentProtocols = []), 'jenkins.agentProtocols: rejected (deprecated)'],
    [
      'an unknown symbol',
      (c) => (c.jenkins.markupFormatter = 'plain'),
      'jenkins.markupFormatter.plain: no MarkupFormatter has this symbol',
    ],
    ['a value of another type', (c) => (c.jenkins.numExecutors = '0'), 'jenkins.numExecutors: "0" is no int'],
    [
      'a value outside of an enumeration',
      (c) => (c.jenkins.mode = 'NONE'),
      'jenkins.mode: NONE is none of NORMAL|EXCLUSIVE',
    ],
    [
      'a wrong key deep inside a list',
      (c) => (c.jenkins.clouds[0].docker.templates[1].dockerTemplateBase.volumesString = 'a:b'),
      'jenkins.clouds[0].docker.templates[1].dockerTemplateBase.volumesString: rejected (deprecated)',
    ],
    [
      'a user and a group in one entry',
      (c) => (c.jenkins.authorizationStrategy.globalMatrix.entries[0].group = { name: 'g', permissions: [] }),
      'jenkins.authorizationStrategy.globalMatrix.entries[0]: wants exactly one of user, group, userOrGroup',
    ],
  ])('%s', (_name, spoil, problem) => {
    const configuration = emitted(EVERYTHING);
    spoil(configuration);
    expect(conform(configuration).problems).toEqual([problem]);
  });
});

describe('the plugins of the image', () => {
  const pinned = new Map(
    readFileSync(join(__dirname, '../../images/jenkins/plugins.txt'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(':') as [string, string]),
  );

  test('are those that read the configuration, and more', () => {
    const { plugins } = conform(emitted(EVERYTHING));
    expect([...plugins].sort()).toEqual([
      'configuration-as-code',
      'docker-commons',
      'docker-plugin',
      'job-dsl',
      'kubernetes',
      'matrix-auth',
      'prometheus',
    ]);
    expect([...plugins].filter((plugin) => !pinned.has(plugin))).toEqual([]);
  });

  test('have the versions that the facts were taken from', () => {
    const different = [...pinned].filter(([name, version]) => facts.plugins[name]?.version !== version);
    expect(different).toEqual([]);
    expect(pinned.size).toBe(91);
  });

  test('bring along whatever they need, so that nothing unpinned is fetched', () => {
    const missing = [...pinned.keys()].flatMap((name) =>
      facts.plugins[name].requires.filter((one) => !pinned.has(one)),
    );
    expect(missing).toEqual([]);
  });
});
