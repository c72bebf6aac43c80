export * from './entrypoint';
export * from './gateway-config';
export * from './release-config';
