import { Kind } from '../core/component';

export const DATABASES: Kind = {
  factory: 'Database.fromExisting',
  members: ['endpoint', 'databaseName', 'username', 'password'],
};

export const ARTIFACT_STORES: Kind = {
  factory: 'ArtifactStore.fromBucket',
  members: ['endpoint', 'bucket', 'region', 'accessKey', 'secretKey'],
};

export const MODEL_REGISTRIES: Kind = {
  factory: 'ModelRegistry.fromTrackingUri',
  members: ['endpoint', 'trainingUser', 'servingUser'],
};
