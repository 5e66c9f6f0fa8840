export * from './ansi';
export * from './cx';
export * from './diff';
export * from './format';
export * from './names';
export * from './schema';
export * from './search';
export * from './selector';
