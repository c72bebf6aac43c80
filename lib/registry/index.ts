export * from './artifact-store';
export * from './container-registry';
export * from './database';
export * from './model-registry';
export type { ModelRegistryAlerts } from './registry-observability';
