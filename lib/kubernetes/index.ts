export * from './kubernetes-platform';
