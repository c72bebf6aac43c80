import { parse } from 'yaml';
import { Secret, Severity } from '../../lib/core';
import { AlertReceiver, Monitoring, MonitoringProps } from '../../lib/monitoring';
import { fakeStack } from '../support/fake-platform';

function alertmanager(props: (secret: Secret) => Partial<MonitoringProps>) {
  const { stack, platform } = fakeStack();
  const secret = Secret.fromVariable(stack, 'secret', 'secret');
  new Monitoring(stack, 'monitoring', { platform, ...props(secret) });
  const workload = platform.workload('monitoring/alertmanager');
  return { workload, secret, config: parse(workload.spec.files![0].content) };
}

test('without receivers alerts are shown and nobody is told', () => {
  const { config, workload } = alertmanager(() => ({}));
  expect(config.receivers).toEqual([{ name: 'nobody' }]);
  expect(config.route).toMatchObject({
    receiver: 'nobody',
    group_wait: '5s',
    group_interval: '30s',
    repeat_interval: '240m',
    routes: [{ receiver: 'nobody', matchers: ['severity="heartbeat"'] }],
  });
  expect(workload.spec.secrets).toBeUndefined();
});

test('a webhook gets pages and tickets and hears when they are over; the heartbeat goes its own way', () => {
  const { config, workload } = alertmanager(() => ({
    receivers: [AlertReceiver.webhook('hook', 'http://hook.example.com:8000/alerts')],
    heartbeat: AlertReceiver.webhook('beat', 'https://beat.example.com/x'),
  }));
  expect(config.route.routes).toEqual([
    {
      receiver: 'beat',
      matchers: ['severity="heartbeat"'],
      group_wait: '0s',
      group_interval: '60s',
      repeat_interval: '55s',
    },
    { receiver: 'hook', matchers: ['severity=~"page|ticket"'], continue: true },
  ]);
  expect(config.receivers).toContainEqual({
    name: 'hook',
    webhook_configs: [{ send_resolved: true, url: 'http://hook.example.com:8000/alerts' }],
  });
  expect(workload.spec.reaches!.map((one) => one.address)).toEqual(['hook.example.com:8000', 'beat.example.com:443']);
});

test('secrets of receivers are files', () => {
  const { config, workload, secret } = alertmanager((s) => ({
    receivers: [
      AlertReceiver.webhookFromSecret('pager', s, { severities: [Severity.PAGE], sendResolved: false, port: 8443 }),
      AlertReceiver.slack('chat', s, { channel: '#ml' }),
      AlertReceiver.email('mail', {
        to: ['a@example.com', 'b@example.com'],
        sender: 'c@example.com',
        smarthost: 'mail.example.com:587',
        username: 'c',
        password: s,
      }),
    ],
  }));
  expect(workload.spec.secrets).toEqual({ 'pager-url': secret, 'chat-url': secret, 'mail-password': secret });
  expect(workload.spec.reaches!.map((one) => one.address)).toEqual([
    'secret.invalid:8443',
    'hooks.slack.com:443',
    'mail.example.com:587',
  ]);
  expect(config.route.routes[1]).toEqual({ receiver: 'pager', matchers: ['severity=~"page"'], continue: true });
  expect(config.receivers).toEqual([
    { name: 'nobody' },
    { name: 'pager', webhook_configs: [{ send_resolved: false, url_file: '/run/secrets/pager-url' }] },
    {
      name: 'chat',
      slack_configs: [expect.objectContaining({ api_url_file: '/run/secrets/chat-url', channel: '#ml' })],
    },
    {
      name: 'mail',
      email_configs: [
        {
          send_resolved: true,
          to: 'a@example.com, b@example.com',
          from: 'c@example.com',
          smarthost: 'mail.example.com:587',
          require_tls: true,
          auth_username: 'c',
          auth_password_file: '/run/secrets/mail-password',
          headers: { subject: expect.any(String) },
        },
      ],
    },
  ]);
  expect(workload.spec.files![0].content).not.toContain('TfToken');
});

const mail = { to: ['a@example.com'], sender: 'c@example.com', smarthost: 'mail.example.com:587' };

test.each([
  ['no URL', () => AlertReceiver.webhook('hook', 'hook'), /'url' is "hook"; write http\(s\):\/\/host/],
  [
    'a port that is none',
    () => AlertReceiver.webhookFromSecret('hook', undefined as never, { port: 0 }),
    /AlertReceiver.webhookFromSecret: 'port' is 0/,
  ],
  ['a password in a URL', () => AlertReceiver.webhook('hook', 'http://me:hunter2@hook/'), /not shown/],
  ['a token in a query', () => AlertReceiver.webhook('hook', 'http://hook/?token=hunter2'), /webhookFromSecret/],
  ['a name that is no label', () => AlertReceiver.webhook('On call', 'http://hook'), /'name' is "On call"/],
  [
    'a receiver for nothing',
    () => AlertReceiver.webhook('hook', 'http://hook', { severities: [] }),
    /'severities' is \[\]; name at least one/,
  ],
  [
    'a receiver of heartbeats among the others',
    () => AlertReceiver.webhook('hook', 'http://hook', { severities: [Severity.HEARTBEAT] }),
    /the heartbeat has a receiver of its own/,
  ],
  ['nobody to write to', () => AlertReceiver.email('mail', { ...mail, to: [] }), /'to' is \[\]/],
  ['no address', () => AlertReceiver.email('mail', { ...mail, to: ['a'] }), /is "a"; write user@host/],
  [
    'a mail server without a port',
    () => AlertReceiver.email('mail', { ...mail, smarthost: 'mail' }),
    /write host:port/,
  ],
  ['half a login', () => AlertReceiver.email('mail', { ...mail, username: 'me' }), /username and password together/],
] as [string, () => unknown, RegExp][])('%s is refused', (_name, receiver, message) => {
  expect(receiver).toThrow(message);
  expect(receiver).not.toThrow(/hunter2/);
});
