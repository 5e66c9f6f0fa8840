import { afterEach, describe, expect, it, vi } from 'vitest';
import type { LogLine } from '$lib/core/clients';
import { fakeNetwork } from '$lib/test/fakes';
import type { LogService, Window } from '../services/LogService';
import { MERGED_LINES_MAX, MergedLog } from './mergedLog.svelte';

type Logs = Record<string, LogLine[]>;
const line = (n: number, at: number): LogLine => ({ n, at, stderr: false, partial: false, text: `line ${n}` });
/** Times in tenths, so that those of two machines need not meet. */
const logOf = (count: number, at: (n: number) => number) => Array.from({ length: count }, (_, n) => line(n, Math.round(10 * at(n))));

const opened: MergedLog[] = [];
afterEach(() => opened.splice(0).forEach((log) => log.close()));

function make(logs: Logs, { bound = 4096, running = false, damaged = {} as Record<string, { first: number; count: number }> } = {}) {
  const network = fakeNetwork();
  network.client.start();
  network.last().opens();
  const frames: (() => void)[] = [];
  const window = vi.fn(async (_job: string, vm: string, from: number, count: number): Promise<Window> => {
    const all = logs[vm]!;
    const bad = damaged[vm];
    const answer = { total: all.length, complete: !running };
    if (bad && from >= bad.first && from < bad.first + bad.count) return { ...answer, lines: [], damaged: [{ first: from, count: bad.first + bad.count - from }] };
    const end = bad && from < bad.first ? bad.first : Infinity;
    return { ...answer, lines: all.slice(from, Math.min(from + Math.min(count, bound), end)), damaged: [] };
  });
  const log = new MergedLog('j', Object.keys(logs).map((vm) => ({ vm, name: vm.toUpperCase() })), {
    service: { window } as unknown as LogService,
    socket: network.client,
    nextFrame: (run) => void frames.push(run)
  });
  opened.push(log);
  const paint = () => frames.splice(0).forEach((run) => run());
  const channels = () => Object.fromEntries(network.last().of('subscribe').map((message) => [message.vm as string, message.ch as number]));
  /** What the host does with a log that has ended: its last lines, and that this was all. */
  const tails = () => {
    for (const [vm, ch] of Object.entries(channels())) {
      const lines = logs[vm]!.slice(-200);
      if (lines.length > 0) network.last().sends(ch, lines);
      if (!running) network.last().says({ t: 'end', ch, total: logs[vm]!.length });
    }
    paint();
  };
  const shown = () => Array.from({ length: log.total }, (_, i) => log.line(i)!).map((each) => `${each.origin!.name}${each.n}`);
  const scrollUp = async () => {
    const before = log.version;
    log.want(0, 40);
    await vi.waitFor(() => expect(log.version).toBeGreaterThan(before));
    await vi.waitFor(() => expect(log.loading).toBe(false));
  };
  return { ...network, log, window, paint, channels, tails, shown, scrollUp };
}

/** All lines in the one order that there is, as long as no two are of one moment. */
function truth(logs: Logs): string[] {
  return Object.entries(logs)
    .flatMap(([vm, lines]) => lines.map((each) => ({ name: `${vm.toUpperCase()}${each.n}`, at: each.at })))
    .sort((a, b) => a.at - b.at)
    .map(({ name }) => name);
}

describe('MergedLog', () => {
  it('puts lines of several machines in the order in which they came, and none twice', () => {
    const { log, last, paint, channels, shown } = make({ a: [], b: [] }, { running: true });
    const { a, b } = channels();
    last().sends(a!, [line(0, 100), line(1, 300)]);
    last().sends(b!, [line(0, 200), line(1, 400)]);
    paint();
    last().sends(a!, [line(1, 300), line(2, 350)]);
    paint();
    expect(shown()).toEqual(['A0', 'B0', 'A1', 'A2', 'B1']);
    last().says({ t: 'end', ch: a, total: 3 });
    expect(log.complete).toBe(false);
    last().says({ t: 'end', ch: b, total: 2 });
    expect(log.complete).toBe(true);
  });

  it('shows only what is certain: nothing from before all machines are here', () => {
    const quick = logOf(1000, (n) => 10_000 + n);
    const slow = logOf(50, (n) => n * 250 + 0.5);
    const { tails, shown } = make({ quick, slow });
    tails();
    // Of the quick one the last 200 are here, from 10,800 on. What the slow one wrote before stands back.
    expect(shown()[0]).toBe('QUICK800');
    expect(shown()).toEqual(truth({ quick, slow }).slice(-shown().length));
  });

  it('brings all of the history in its order as one scrolls up, whatever the size of answers', async () => {
    for (const bound of [4096, 7]) {
      const logs = { a: logOf(900, (n) => 3 * n), b: logOf(2000, (n) => 2000 + n * 0.4 + 0.1), c: logOf(0, () => 0), d: logOf(3, (n) => 1000.3 + n) };
      const { log, tails, shown, scrollUp } = make(logs, { bound });
      tails();
      for (let turn = 0; !log.atStart; turn++) {
        expect(turn).toBeLessThan(50);
        const [first, base] = [shown()[0], log.base];
        await scrollUp();
        // Lines that were there have moved by as much as the base says.
        expect(shown()[base - log.base]).toBe(first);
        expect(shown()).toEqual(truth(logs).slice(-log.total));
      }
      expect(shown()).toEqual(truth(logs));
    }
  });

  it('keeps a machine\'s own order when its clock was set back', async () => {
    const logs = { a: logOf(500, (n) => (n < 250 ? 1000 + n : n)), b: logOf(500, (n) => n * 2 + 0.5) };
    const { log, tails, shown, scrollUp } = make(logs);
    tails();
    while (!log.atStart) await scrollUp();
    for (const name of ['A', 'B']) expect(shown().filter((each) => each.startsWith(name))).toEqual(Array.from({ length: 500 }, (_, n) => `${name}${n}`));
  });

  it('holds a bounded part, and comes back to the end by itself', async () => {
    const logs = { a: logOf(30_000, (n) => n), b: logOf(30_000, (n) => n + 0.5) };
    const { log, tails, shown, scrollUp } = make(logs);
    tails();
    const order = truth(logs);
    for (let turn = 0; log.atEnd; turn++) {
      expect(turn).toBeLessThan(80);
      await scrollUp();
    }
    expect(log.total).toBeLessThanOrEqual(MERGED_LINES_MAX);
    const from = order.indexOf(shown()[0]!);
    expect(shown()).toEqual(order.slice(from, from + log.total));
    for (let turn = 0; !log.atEnd; turn++) {
      expect(turn).toBeLessThan(80);
      const before = log.version;
      log.want(log.total - 40, log.total);
      await vi.waitFor(() => expect(log.version).toBeGreaterThan(before));
      await vi.waitFor(() => expect(log.loading).toBe(false));
      expect(log.total).toBeLessThanOrEqual(MERGED_LINES_MAX);
      const at = order.indexOf(shown()[0]!);
      expect(shown()).toEqual(order.slice(at, at + log.total));
    }
    expect(shown().at(-1)).toBe(order.at(-1));
  });

  it('begins at the beginning when that is wanted', async () => {
    const logs = { a: logOf(2000, (n) => n), b: logOf(2000, (n) => n + 0.5) };
    const { log, tails, shown } = make(logs);
    tails();
    log.toStart();
    await vi.waitFor(() => expect(log.total).toBeGreaterThan(0));
    await vi.waitFor(() => expect(log.loading).toBe(false));
    expect(log.atStart).toBe(true);
    expect(log.atEnd).toBe(false);
    expect(shown()).toEqual(truth(logs).slice(0, log.total));
    log.toEnd();
    tails();
    expect(shown().at(-1)).toBe('B1999');
  });

  it('says what was skipped, and brings it back on the way up', async () => {
    const logs = { a: logOf(3000, (n) => n), b: logOf(30, (n) => n * 100 + 0.5) };
    const { log, last, paint, channels, shown, scrollUp } = make(logs, { running: true });
    const { a, b } = channels();
    last().sends(a!, logs.a.slice(0, 100));
    last().sends(b!, logs.b);
    last().says({ t: 'lag', ch: a, skipped: 2700 });
    last().sends(a!, logs.a.slice(2800));
    paint();
    expect(log.skipped).toEqual({ name: 'A', count: 2700 });
    expect(shown().slice(0, 2)).toEqual(['A2800', 'B28']);
    while (!log.atStart) await scrollUp();
    expect(shown()).toEqual(truth(logs));
  });

  it('leaves alone what one looks at when the host skips, and fetches what came since on the way down', async () => {
    const logs = { a: logOf(3000, (n) => n), b: logOf(300, (n) => n * 10 + 0.5) };
    const { log, last, paint, channels, shown } = make(logs);
    const { a, b } = channels();
    last().sends(a!, logs.a.slice(0, 200));
    last().sends(b!, logs.b.slice(0, 20));
    paint();
    log.want(20, 60);
    const before = shown();
    last().says({ t: 'lag', ch: a, skipped: 2600 });
    last().sends(a!, logs.a.slice(2800));
    paint();
    expect([shown(), log.skipped, log.atEnd]).toEqual([before, null, false]);
    for (let turn = 0; !log.atEnd; turn++) {
      expect(turn).toBeLessThan(20);
      const version = log.version;
      log.want(log.total - 40, log.total);
      await vi.waitFor(() => expect(log.version).toBeGreaterThan(version));
      await vi.waitFor(() => expect(log.loading).toBe(false));
    }
    expect(shown()).toEqual(truth(logs));
  });

  it('shows where lines are damaged, and goes on around them', async () => {
    const logs = { a: logOf(900, (n) => n), b: logOf(900, (n) => n + 0.5) };
    const { log, tails, shown, scrollUp } = make(logs, { damaged: { a: { first: 300, count: 150 } } });
    tails();
    while (!log.atStart) await scrollUp();
    const own = Array.from({ length: log.total }, (_, i) => log.line(i)!).filter((each) => each.origin!.name === 'A');
    // A stretch is told as one, or as two where the border of two answers lies within.
    let next = 0;
    for (const { n, damaged } of own) {
      expect(n).toBe(next);
      expect(damaged !== undefined, `line ${n}`).toBe(n >= 300 && n < 450);
      next += damaged?.count ?? 1;
    }
    expect(next).toBe(900);
    expect(own.filter((each) => each.damaged).length).toBeLessThanOrEqual(2);
    expect(shown().filter((each) => each.startsWith('B'))).toHaveLength(900);
  });

  it('does not ask again and again when it fails', async () => {
    const { log, window, tails } = make({ a: logOf(900, (n) => n) });
    tails();
    window.mockRejectedValue(new Error('gone'));
    log.want(0, 40);
    await vi.waitFor(() => expect(log.error).toBe('gone'));
    const asked = window.mock.calls.length;
    log.want(0, 40);
    log.want(0, 41);
    expect(window).toHaveBeenCalledTimes(asked);
    log.retry();
    expect(window.mock.calls.length).toBeGreaterThan(asked);
    await vi.waitFor(() => expect(log.loading).toBe(false));
  });
});
