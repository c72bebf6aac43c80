import { Stage } from './environment';

/** Where changes are tried: everything on one machine, reached on loopback. */
export const STAGING: Stage = {
  name: 'staging',
  platform: 'docker',
  configuration: () => ({
    registry: { port: 5000 },
    gateway: { port: 8080 },
    containers: { port: 5001 },
    jenkins: { port: 8081 },
    monitoring: { prometheusPort: 9090, alertmanagerPort: 9093, grafanaPort: 3000 },
  }),
};
