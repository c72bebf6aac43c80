export * from './core';
export * from './docker';
export * from './environment';
export * from './jenkins';
export * from './monitoring';
export * from './registry';
export * from './serving';
export * from './training';
