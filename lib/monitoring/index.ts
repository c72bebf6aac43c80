export * from './alert-receiver';
export * from './monitoring';
export * from './monitoring-alerts';
export * from './pushgateway';
