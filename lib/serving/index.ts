export * from './gateway';
export type { GatewayAlerts } from './gateway-observability';
export * from './model-server';
export * from './release';
export type { ModelServerAlerts } from './serving-observability';
