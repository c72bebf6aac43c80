import { AlertReceiver, Jenkins, Secret } from '../lib';
import { Stage } from './environment';

/**
 * What people depend on. It differs from staging in what a failure, a mistake or a stranger may cost:
 *
 * - two replicas of registry and gateway, and two to four servers of each version, spread over machines;
 * - TLS and a token at the gateway, whose certificate the deploy is given as TF_VAR_gateway_certificate (chain and key
 *   in one PEM text);
 * - alerts reach somebody: a deploy without the webhook in TF_VAR_alert_webhook fails;
 * - nothing that keeps data can be destroyed before `cdktf-mlops unprotect production`;
 * - a backup each night. It goes to a second volume of the same cluster: give `backups.target` a bucket elsewhere;
 * - a quota, so that a mistake here takes nothing from others in the cluster;
 * - metrics of a quarter.
 *
 * Ports are those of `cdktf-mlops forward production`, and others than staging's.
 */
export const PRODUCTION: Stage = {
  name: 'production',
  platform: 'kubernetes',
  // About twice what it may use with one model while that is rolled out; each further model adds up to 8 and 8Gi.
  quota: { cpu: '48', memory: '48Gi', storage: '350Gi', pods: 100 },
  highlyAvailable: true,
  configuration: (stack) => ({
    registry: { port: 5100 },
    gateway: {
      port: 8443,
      tlsCertificate: Secret.fromVariable(stack, 'gateway-certificate', 'Certificate chain and private key in PEM'),
      tokens: { clients: Secret.generated(stack, 'gateway-token') },
    },
    // Machines of a cluster pull from a registry that is there before they are: see `cdktf-mlops images --push`.
    containers: { enabled: false },
    // Staging's controller deploys here too.
    jenkins: { existing: Jenkins.fromUrl('http://127.0.0.1:8081') },
    monitoring: {
      prometheusPort: 9190,
      alertmanagerPort: 9193,
      grafanaPort: 3100,
      retentionDays: 90,
      storage: '50Gi',
      receivers: [
        AlertReceiver.webhookFromSecret(
          'on-call',
          Secret.fromVariable(stack, 'alert-webhook', 'URL to which alerts are posted'),
        ),
      ],
    },
    backups: {},
    protect: true,
  }),
};
