import { TerraformStack, Testing } from 'cdktf';
import { MlopsEnvironment } from '../../lib/environment/mlops-environment';
import { AlertReceiver } from '../../lib/monitoring';
import { IPlatform, Observability, Secret, Severity, Workload } from '../../lib/core';
import { watchContainers } from '../../lib/docker/container-watch';
import { KubernetesPlatform } from '../../lib/kubernetes';
import { ArtifactStore } from '../../lib/registry';
import { FakePlatform } from './fake-platform';

/** What a program makes, and what of it is watched. */
export interface WatchedEnvironment {
  readonly observability: Observability[];
  readonly workloads: Workload[];
}

/**
 * An environment with everything that can be watched: TLS at the gateway, every kind of receiver, a heartbeat.
 *
 * @param platformOf makes its platform, whose environment is named `test`
 */
export function watchedEnvironment(platformOf: (stack: TerraformStack) => IPlatform = fake): WatchedEnvironment {
  const stack = new TerraformStack(Testing.app(), 'test');
  const platform = platformOf(stack);
  const secret = (id: string) => Secret.fromVariable(stack, id, id);
  const environment = new MlopsEnvironment(stack, 'test', {
    platform,
    gateway: { tlsCertificate: secret('certificate') },
    backups: {
      target: ArtifactStore.fromBucket({
        endpointUrl: 'https://s3.example.com',
        bucket: 'backups',
        accessKey: secret('backup-access-key'),
        secretKey: secret('backup-secret-key'),
      }),
    },
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
  const workloads = stack.node.findAll().filter((one) => one instanceof Workload);
  return { observability: environment.monitoring!.observability, workloads };
}

/** Likewise in a cluster. */
export function watchedCluster(): WatchedEnvironment {
  return watchedEnvironment((stack) => new KubernetesPlatform(stack, 'platform', { environment: 'test' }));
}

function fake(stack: TerraformStack): IPlatform {
  const platform = new FakePlatform(stack, 'platform');
  platform.watcher = watchContainers;
  return platform;
}

/**
 * The monitoring's configuration files by their path below a directory. References inside of them are made relative to
 * that directory, so that the tools which check them find the files.
 *
 * @param directory absolute path that they will have
 */
export function renderWatched({ workloads }: WatchedEnvironment, directory: string): Record<string, string> {
  const files: Record<string, string> = { 'run/kubernetes/token': '', 'run/kubernetes/ca.crt': '' };
  for (const workload of workloads) {
    if (!workload.componentPath.startsWith('monitoring/')) continue;
    for (const name of Object.keys(workload.spec.secrets ?? {})) files[`run/secrets/${name}`] = 'https://example.com/x';
    for (const { path, content } of workload.spec.files ?? []) {
      files[path.slice(1)] = content
        .replace(/([$%])\1\{/g, '$1{')
        .replaceAll('/etc/prometheus/', `${directory}/etc/prometheus/`)
        .replaceAll(/\/run\/(secrets|kubernetes)\//g, `${directory}/run/$1/`);
    }
  }
  files['live/model-targets.json'] = '[]';
  return files;
}
