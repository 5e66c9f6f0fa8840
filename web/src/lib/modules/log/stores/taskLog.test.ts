import { describe, expect, it, vi } from 'vitest';
import type { LogLine } from '$lib/core/clients';
import { fakeNetwork } from '$lib/test/fakes';
import type { LogService } from '../services/LogService';
import { MergedLog } from './mergedLog.svelte';
import { LinePages, PAGE_LINES, PAGES_MAX } from './pages';
import { TaskLog } from './taskLog.svelte';

const line = (n: number, at = n): LogLine => ({ n, at, stderr: false, partial: false, text: `line ${n}` });
const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => line(from + i));

function make(total = 10_000) {
  const network = fakeNetwork();
  network.client.start();
  network.last().opens();
  const frames: (() => void)[] = [];
  const window = vi.fn(async (_job: string, _vm: string, from: number, count: number) => ({
    lines: lines(from, Math.min(total, from + count)),
    total,
    complete: true,
    damaged: []
  }));
  const deps = {
    service: { window } as unknown as LogService,
    socket: network.client,
    nextFrame: (run: () => void) => void frames.push(run)
  };
  const paint = () => frames.splice(0).forEach((run) => run());
  return { ...network, deps, window, paint };
}

describe('TaskLog', () => {
  it('asks for the end, shows it, and gives credit back once a picture', async () => {
    const { deps, last, paint } = make();
    const log = new TaskLog('j', 'v', deps);
    log.follow();
    await Promise.resolve();
    expect(last().of('subscribe')[0]).toMatchObject({ topic: 'log', job: 'j', vm: 'v', from: -400 });
    const ch = last().of('subscribe')[0]!.ch as number;
    last().sends(ch, lines(9600, 9800));
    last().sends(ch, lines(9800, 10_000));
    paint();
    expect(log.total).toBe(10_000);
    expect(log.line(9999)?.text).toBe('line 9999');
    expect(last().of('credit').map((message) => message.lines)).toEqual([4000, 400]);
  });

  it('fetches what is looked at and not here, and a margin around it', async () => {
    const { deps, last, window, paint } = make();
    const log = new TaskLog('j', 'v', deps);
    log.follow();
    last().sends(last().of('subscribe')[0]!.ch as number, lines(9990, 10_000));
    paint();
    log.want(5000, 5040);
    await vi.waitFor(() => expect(log.line(5039)?.n).toBe(5039));
    expect(window.mock.calls[0]!.slice(2, 4)).toEqual([5000, 500]);
    await vi.waitFor(() => expect(log.line(4850)?.n).toBe(4850));
    const before = window.mock.calls.length;
    log.want(5000, 5040);
    await Promise.resolve();
    expect(window).toHaveBeenCalledTimes(before);
  });

  it('does not show a line twice when the end comes again after a reconnection', async () => {
    const { deps, last, paint, advance } = make();
    const log = new TaskLog('j', 'v', deps);
    log.follow();
    last().sends(last().of('subscribe')[0]!.ch as number, lines(0, 10));
    last().breaks();
    advance(20_000);
    last().opens();
    last().sends(last().of('subscribe')[0]!.ch as number, lines(5, 20));
    paint();
    expect(log.total).toBe(20);
    last().says({ t: 'end', ch: last().of('subscribe')[0]!.ch, total: 20 });
    expect(log.complete).toBe(true);
  });

  it('says which lines are damaged', () => {
    const { deps, last, paint } = make();
    const log = new TaskLog('j', 'v', deps);
    log.follow();
    last().says({ t: 'damaged', ch: last().of('subscribe')[0]!.ch, first: 3, count: 2 });
    paint();
    expect(log.line(4)).toMatchObject({ damaged: true });
    expect(log.total).toBe(5);
  });

  it('gives its channel back when it is closed', () => {
    const { deps, last } = make();
    const log = new TaskLog('j', 'v', deps);
    log.follow();
    log.close();
    expect(last().of('unsubscribe')).toHaveLength(1);
  });
});

describe('LinePages', () => {
  it('holds a bounded part of a log of any length', () => {
    const pages = new LinePages();
    for (let page = 0; page < PAGES_MAX + 5; page++) pages.put(line(page * PAGE_LINES));
    expect(pages.get(0)).toBeUndefined();
    expect(pages.get((PAGES_MAX + 4) * PAGE_LINES)).toBeDefined();
  });

  it('finds the first stretch that is missing', () => {
    const pages = new LinePages();
    for (const each of lines(10, 20)) pages.put(each);
    expect(pages.missing(0, 30, 500)).toEqual({ from: 0, count: 10 });
    expect(pages.missing(10, 30, 5)).toEqual({ from: 20, count: 5 });
    expect(pages.missing(10, 20, 500)).toBeNull();
  });
});

describe('MergedLog', () => {
  it('puts lines of several machines in the order in which they came, and none twice', () => {
    const { deps, last, paint } = make();
    const log = new MergedLog('j', [{ vm: 'a', name: 'A' }, { vm: 'b', name: 'B' }], deps);
    const [a, b] = last().of('subscribe').map((message) => message.ch as number);
    last().sends(a!, [line(0, 100), line(1, 300)]);
    last().sends(b!, [line(0, 200), line(1, 400)]);
    paint();
    last().sends(a!, [line(1, 300), line(2, 350)]);
    paint();
    const shown = Array.from({ length: log.total }, (_, i) => log.line(i)!);
    expect(shown.map((each) => `${each.vm}${each.n}`)).toEqual(['A0', 'B0', 'A1', 'A2', 'B1']);
    last().says({ t: 'end', ch: a, total: 3 });
    expect(log.complete).toBe(false);
    last().says({ t: 'end', ch: b, total: 2 });
    expect(log.complete).toBe(true);
  });
});
