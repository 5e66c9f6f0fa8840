export { Container, token, type Token } from './container';
export { inject, provide } from './context';
