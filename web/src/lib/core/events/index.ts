export { EventDispatcher } from './dispatcher';
export { openStateStream } from './stateStream';
