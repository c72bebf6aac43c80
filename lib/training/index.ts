export * from './training-runner';
