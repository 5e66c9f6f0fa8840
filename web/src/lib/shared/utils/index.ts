export * from './ansi';
export * from './cx';
export * from './format';
export * from './schema';
export * from './search';
export * from './selector';
