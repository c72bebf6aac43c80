import { MlopsEnvironment } from '../../lib/environment/mlops-environment';
import { AlertReceiver } from '../../lib/monitoring';
import { Observability, Secret, Severity, Workload } from '../../lib/core';
import { fakeStack } from './fake-platform';

/** An environment with everything that can be watched: TLS at the gateway, every kind of receiver, a heartbeat. */
export function watchedEnvironment(): { observability: Observability[]; workloads: Workload[] } {
  const { stack, platform } = fakeStack();
  const secret = (id: string) => Secret.fromVariable(stack, id, id);
  const environment = new MlopsEnvironment(stack, 'test', {
    platform,
    gateway: { tlsCertificate: secret('certificate') },
    monitoring: {
      receivers: [
        AlertReceiver.webhook('on-call', 'http://hook.example.com:8000/alerts', { severities: [Severity.PAGE] }),
        AlertReceiver.webhookFromSecret('pager', secret('pager')),
        AlertReceiver.slack('chat', secret('chat'), { channel: '#ml-alerts' }),
        AlertReceiver.email('mail', {
          to: ['ml@example.com', 'ops@example.com'],
          sender: 'alerts@example.com',
          smarthost: 'mail.example.com:587',
          username: 'alerts',
          password: secret('mail'),
        }),
      ],
      heartbeat: AlertReceiver.webhook('dead-man', 'http://hook.example.com:8000/heartbeat'),
    },
  });
  return { observability: environment.monitoring!.observability, workloads: platform.workloads };
}

/**
 * The monitoring's configuration files by their path below a directory. References inside of them are made relative to
 * that directory, so that the tools which check them find the files.
 */
export function renderWatchedEnvironment(): Record<string, string> {
  const files: Record<string, string> = {};
  for (const workload of watchedEnvironment().workloads) {
    if (!workload.componentPath.startsWith('monitoring/')) continue;
    for (const name of Object.keys(workload.spec.secrets ?? {})) files[`run/secrets/${name}`] = 'https://example.com/x';
    for (const { path, content } of workload.spec.files ?? []) {
      files[path.slice(1)] = content
        .replace(/([$%])\1\{/g, '$1{')
        .replaceAll('/etc/prometheus/', '/tmp/check/etc/prometheus/')
        .replaceAll('/run/secrets/', '/tmp/check/run/secrets/');
    }
  }
  files['live/model-targets.json'] = '[]';
  return files;
}
