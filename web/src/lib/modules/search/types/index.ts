export * from './filter';
export * from './hits';
