import { backoffDelay } from './backoff';
import { decodeFrame, type LogFrame } from './frames';
import type { ClientMessage, ServerMessage } from './types';

export const SUBPROTOCOL = 'corral.v1';
/** How often the way to the host is measured, and how long an answer may take, in milliseconds. */
export const PING_EVERY_MS = 15_000;
export const PONG_WITHIN_MS = 10_000;
const CLOSE_RIGHTS_ENDED = 4401;
const CLOSE_OUR_FAULT = 4400;

export type SocketStatus = 'connecting' | 'open' | 'waiting' | 'signed-out' | 'closed';

/** What belongs to a channel. `open` is called at every (re)connection and sends the subscription. */
export interface Channel {
  open(ch: number): ClientMessage;
  message(message: ServerMessage): void;
  frame?(frame: LogFrame): void;
}

/** The part of a browser's WebSocket that is used; tests give a fake. */
export interface SocketLike {
  binaryType: string;
  readyState: number;
  send(data: string): void;
  close(code?: number, reason?: string): void;
  onopen: ((event: never) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
}

export interface SocketDeps {
  connect: () => SocketLike;
  random: () => number;
  now: () => number;
  setTimeout: (run: () => void, ms: number) => number;
  clearTimeout: (id: number) => void;
  onStatus: (status: SocketStatus, detail: { retryAt: number | null; roundTripMs: number | null }) => void;
}

const OPEN = 1;

/**
 * Keeps one socket to the host and its channels. Knows frames, not what they mean: reconnects with back-off and
 * jitter, opens every channel again, measures the way, and notices a connection that died while the machine slept.
 */
export class WebSocketClient {
  private socket: SocketLike | null = null;
  private channels = new Map<number, Channel>();
  private nextChannel = 1;
  private attempt = 0;
  private status: SocketStatus = 'closed';
  private retryTimer: number | null = null;
  private pingTimer: number | null = null;
  private pongTimer: number | null = null;
  private pingSentAt = 0;
  private pingId = 0;
  private roundTripMs: number | null = null;

  constructor(private readonly deps: SocketDeps) {}

  start(): void {
    if (this.status === 'closed' || this.status === 'signed-out') this.dial();
  }

  stop(): void {
    this.clearTimers();
    this.drop();
    this.setStatus('closed', null);
  }

  /** Opens a channel that lives until it is closed, across reconnections. Returns its number. */
  open(channel: Channel): number {
    const ch = this.nextChannel++;
    this.channels.set(ch, channel);
    if (this.isOpen) this.send(channel.open(ch));
    return ch;
  }

  close(ch: number): void {
    if (this.channels.delete(ch) && this.isOpen) this.send({ t: 'unsubscribe', ch });
  }

  /** Subscribes a channel anew on the same socket: what it knew no longer fits. */
  reopen(ch: number): void {
    const channel = this.channels.get(ch);
    if (!channel || !this.isOpen) return;
    this.send({ t: 'unsubscribe', ch });
    this.channels.delete(ch);
    // A number of its own, so that messages still under way for the old subscription find nobody.
    const renewed = this.nextChannel++;
    this.channels.set(renewed, channel);
    this.send(channel.open(renewed));
  }

  credit(ch: number, lines: number): void {
    if (this.isOpen && this.channels.has(ch)) this.send({ t: 'credit', ch, lines });
  }

  /** The machine woke up or the network came back: trust nothing, ask now. */
  wake(): void {
    if (this.status === 'waiting') {
      this.attempt = 0;
      this.clearTimers();
      this.dial();
    } else if (this.isOpen) {
      this.ping();
    }
  }

  private get isOpen(): boolean {
    return this.socket?.readyState === OPEN;
  }

  private dial(): void {
    this.setStatus('connecting', null);
    let socket: SocketLike;
    try {
      socket = this.deps.connect();
    } catch {
      this.retry();
      return;
    }
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => this.opened();
    socket.onmessage = (event) => this.received(event.data);
    socket.onerror = () => undefined;
    socket.onclose = (event) => this.closed(event.code);
  }

  private opened(): void {
    this.attempt = 0;
    this.setStatus('open', null);
    for (const [ch, channel] of this.channels) this.send(channel.open(ch));
    this.ping();
  }

  private received(data: unknown): void {
    if (data instanceof ArrayBuffer) {
      const frame = decodeFrame(data);
      if (frame) this.channels.get(frame.channel)?.frame?.(frame);
      return;
    }
    const message = JSON.parse(String(data)) as ServerMessage;
    if (message.t === 'pong') return this.ponged(message.id);
    if (message.ch === undefined || message.ch === null) return;
    this.channels.get(message.ch)?.message(message);
    // The host has closed the channel on its side.
    if (message.t === 'end' || message.t === 'error') this.channels.delete(message.ch);
  }

  private ping(): void {
    this.cancel('pingTimer');
    this.cancel('pongTimer');
    this.pingSentAt = this.deps.now();
    this.send({ t: 'ping', id: ++this.pingId });
    this.pongTimer = this.deps.setTimeout(() => {
      this.drop();
      this.retry();
    }, PONG_WITHIN_MS);
  }

  private ponged(id: number | null | undefined): void {
    if (id !== this.pingId) return;
    this.cancel('pongTimer');
    this.roundTripMs = Math.max(0, this.deps.now() - this.pingSentAt);
    this.setStatus('open', null);
    this.pingTimer = this.deps.setTimeout(() => this.ping(), PING_EVERY_MS);
  }

  private closed(code: number): void {
    this.socket = null;
    this.clearTimers();
    if (code === CLOSE_RIGHTS_ENDED) this.setStatus('signed-out', null);
    else this.retry(code === CLOSE_OUR_FAULT ? 4 : 0);
  }

  private retry(atLeastAttempt = 0): void {
    this.attempt = Math.max(this.attempt, atLeastAttempt);
    const delay = backoffDelay(this.attempt++, this.deps.random);
    this.roundTripMs = null;
    this.setStatus('waiting', this.deps.now() + delay);
    this.retryTimer = this.deps.setTimeout(() => this.dial(), delay);
  }

  private drop(): void {
    const socket = this.socket;
    if (!socket) return;
    this.socket = null;
    socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
    socket.close(1000);
  }

  private send(message: ClientMessage): void {
    if (this.isOpen) this.socket!.send(JSON.stringify(message));
  }

  private setStatus(status: SocketStatus, retryAt: number | null): void {
    this.status = status;
    this.deps.onStatus(status, { retryAt, roundTripMs: this.roundTripMs });
  }

  private cancel(timer: 'retryTimer' | 'pingTimer' | 'pongTimer'): void {
    const id = this[timer];
    if (id !== null) this.deps.clearTimeout(id);
    this[timer] = null;
  }

  private clearTimers(): void {
    this.cancel('retryTimer');
    this.cancel('pingTimer');
    this.cancel('pongTimer');
  }
}
