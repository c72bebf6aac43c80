export * from './configuration';
export * from './mlops-environment';
