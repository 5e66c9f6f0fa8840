export * from './types';
export { ApiClient, ApiError, queryString, type Query, type RequestOptions } from './ApiClient';
export {
  WebSocketClient,
  SUBPROTOCOL,
  type Channel,
  type SocketDeps,
  type SocketLike,
  type SocketStatus
} from './WebSocketClient';
export { decodeFrame, encodeFrame, FrameError, type LogFrame, type LogLine } from './frames';
export { backoffDelay } from './backoff';
