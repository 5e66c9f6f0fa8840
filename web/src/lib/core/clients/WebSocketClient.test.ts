import { describe, expect, it, vi } from 'vitest';
import { fakeNetwork } from '$lib/test/fakes';
import { backoffDelay } from './backoff';
import { PING_EVERY_MS, PONG_WITHIN_MS } from './WebSocketClient';

const channel = () => ({
  open: vi.fn((ch: number) => ({ t: 'subscribe' as const, ch, topic: 'state' as const })),
  message: vi.fn(),
  frame: vi.fn()
});

describe('WebSocketClient', () => {
  it('opens every channel again after a broken connection', () => {
    const { client, last, advance, sockets } = fakeNetwork();
    const state = channel();
    client.open(state);
    client.start();
    last().opens();
    expect(last().of('subscribe')).toHaveLength(1);
    last().breaks();
    advance(20_000);
    expect(sockets).toHaveLength(2);
    last().opens();
    expect(last().of('subscribe')).toEqual([{ t: 'subscribe', ch: 1, topic: 'state' }]);
    expect(state.open).toHaveBeenCalledTimes(2);
  });

  it('waits longer with every failed attempt, and spreads the waiting', () => {
    expect([0, 1, 2, 3].map((attempt) => backoffDelay(attempt, () => 1))).toEqual([400, 800, 1600, 3200]);
    expect(backoffDelay(50, () => 1)).toBe(15_000);
    expect(backoffDelay(0, () => 0)).toBe(200);
  });

  it('notices a connection that no longer answers', () => {
    const { client, last, advance, statuses, sockets } = fakeNetwork();
    client.start();
    last().opens();
    const { id } = last().of('ping')[0] as { id: number };
    last().says({ t: 'pong', id });
    advance(PING_EVERY_MS);
    expect(last().of('ping')).toHaveLength(2);
    advance(PONG_WITHIN_MS);
    expect(statuses).toContain('waiting');
    advance(20_000);
    expect(sockets.length).toBeGreaterThan(1);
  });

  it('tries at once when the machine wakes up', () => {
    const { client, last, sockets } = fakeNetwork();
    client.start();
    last().breaks();
    client.wake();
    expect(sockets).toHaveLength(2);
  });

  it('asks whether an open connection still lives when the machine wakes up', () => {
    const { client, last } = fakeNetwork();
    client.start();
    last().opens();
    client.wake();
    expect(last().of('ping')).toHaveLength(2);
  });

  it('does not go on when the rights have ended', () => {
    const { client, last, statuses, advance, sockets } = fakeNetwork();
    client.start();
    last().opens();
    last().breaks(4401);
    advance(60_000);
    expect(statuses.at(-1)).toBe('signed-out');
    expect(sockets).toHaveLength(1);
  });

  it('hands messages and frames to their channel, and none to one that was closed', () => {
    const { client, last } = fakeNetwork();
    client.start();
    last().opens();
    const log = channel();
    const ch = client.open(log);
    last().says({ t: 'lag', ch, skipped: 3 });
    last().sends(ch, [{ n: 0, at: 0, stderr: false, partial: false, text: 'x' }]);
    expect(log.message).toHaveBeenCalledOnce();
    expect(log.frame).toHaveBeenCalledOnce();
    client.close(ch);
    expect(last().of('unsubscribe')).toEqual([{ t: 'unsubscribe', ch }]);
    last().says({ t: 'lag', ch, skipped: 3 });
    expect(log.message).toHaveBeenCalledOnce();
  });

  it('subscribes under a new number when asked to begin anew', () => {
    const { client, last } = fakeNetwork();
    client.start();
    last().opens();
    const state = channel();
    const ch = client.open(state);
    client.reopen(ch);
    const numbers = last().of('subscribe').map((message) => message.ch);
    expect(new Set(numbers).size).toBe(2);
    last().says({ t: 'events', ch, epoch: 'e', events: [] });
    expect(state.message).not.toHaveBeenCalled();
  });
});
