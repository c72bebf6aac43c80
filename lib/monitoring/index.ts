export * from './alert-receiver';
export * from './monitoring';
export type { MonitoringAlerts } from './monitoring-alerts';
export * from './pushgateway';
