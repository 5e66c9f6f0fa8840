import { describe, expect, it, vi } from 'vitest';
import { ApiError, type LogLine } from '$lib/core/clients';
import { fakeNetwork } from '$lib/test/fakes';
import type { LogService } from '../services/LogService';
import { KEPT_CHARS_MAX } from '../services/keep';
import { KEPT_TEXT_MAX, LinePages, PAGE_LINES, PAGES_MAX } from './pages';
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
    expect(last().of('credit').map((message) => message.lines)).toEqual([200, 4200]);
  });

  it('changes once a picture however many frames came, and fetches no margin while they rush by', async () => {
    const { deps, last, window, paint } = make(1_000_000);
    const log = new TaskLog('j', 'v', deps);
    log.follow();
    const ch = last().of('subscribe')[0]!.ch as number;
    for (let n = 500_000; n < 504_000; n += 100) last().sends(ch, lines(n, n + 100));
    last().says({ t: 'lag', ch, skipped: 90_000 });
    last().sends(ch, lines(594_000, 594_100));
    expect([log.total, log.version, log.skipped]).toEqual([0, 0, null]);
    paint();
    expect([log.total, log.version]).toEqual([594_100, 1]);
    expect(log.skipped).toEqual({ first: 504_000, count: 90_000 });
    log.want(594_060, 594_100);
    await Promise.resolve();
    expect(window).not.toHaveBeenCalled();
    // They come slower now: what is around is fetched again.
    last().sends(ch, lines(594_100, 594_110));
    paint();
    log.want(594_070, 594_110);
    await vi.waitFor(() => expect(log.line(593_950)?.n).toBe(593_950));
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
    expect(log.line(4)).toMatchObject({ damaged: { first: 3, count: 2 } });
    expect(log.line(5)).toBeUndefined();
    expect(log.total).toBe(5);
  });

  it('does not ask for what is damaged, however long that is', async () => {
    const { deps, last, window, paint } = make();
    const log = new TaskLog('j', 'v', deps);
    log.follow();
    last().sends(last().of('subscribe')[0]!.ch as number, lines(9990, 10_000));
    last().says({ t: 'damaged', ch: last().of('subscribe')[0]!.ch, first: 0, count: 9000 });
    paint();
    log.want(3000, 3040);
    await Promise.resolve();
    expect(window).not.toHaveBeenCalled();
    expect(log.line(3039)?.damaged?.count).toBe(9000);
  });

  it('says which lines went by unseen, and fetches them when they are looked at', async () => {
    const { deps, last, paint } = make(90_000);
    const log = new TaskLog('j', 'v', deps);
    log.follow();
    const ch = last().of('subscribe')[0]!.ch as number;
    last().sends(ch, lines(0, 100));
    last().says({ t: 'lag', ch, skipped: 81_234 });
    last().sends(ch, lines(81_334, 81_400));
    paint();
    expect(log.skipped).toEqual({ first: 100, count: 81_234 });
    expect(log.line(500)).toBeUndefined();
    log.want(490, 520);
    await vi.waitFor(() => expect(log.line(500)?.n).toBe(500));
  });

  it('lets the host send less at once when lines are long, and keeps a piece of each', async () => {
    const { deps, last, paint } = make();
    const log = new TaskLog('j', 'v', deps);
    log.follow();
    await Promise.resolve();
    const ch = last().of('subscribe')[0]!.ch as number;
    const long = lines(0, 200).map((each) => ({ ...each, partial: true, text: 'é'.repeat(65_536) }));
    last().sends(ch, long.slice(0, 100));
    paint();
    last().sends(ch, long.slice(100));
    paint();
    // 200 were allowed at first; now no more than some eight million characters are under way.
    expect(last().of('credit').map((message) => message.lines)).toEqual([200, 23, 100]);
    expect(log.line(7)).toMatchObject({ bytes: 131_072, partial: true });
    expect(log.line(7)!.text).toHaveLength(KEPT_CHARS_MAX);
  });

  it('does not fetch around what is shown when lines are long', async () => {
    const { deps, last, window, paint } = make();
    const log = new TaskLog('j', 'v', deps);
    log.follow();
    last().sends(last().of('subscribe')[0]!.ch as number, lines(9990, 10_000));
    paint();
    window.mockImplementation(async (_job, _vm, from) => ({ lines: lines(from, from + 8), total: 10_000, complete: true, damaged: [] }));
    log.want(5000, 5016);
    await vi.waitFor(() => expect(log.line(5015)?.n).toBe(5015));
    await Promise.resolve();
    expect(window).toHaveBeenCalledTimes(2);
  });

  it('tells what the host says, and tries again only when that is wanted', async () => {
    const { deps, last, window } = make();
    const log = new TaskLog('j', 'v', deps);
    log.follow();
    last().says({ t: 'error', ch: last().of('subscribe')[0]!.ch, code: 'removed', message: 'The output is not kept any more.' });
    expect([log.error, log.removed]).toEqual(['The output is not kept any more.', true]);
    log.want(0, 40);
    expect(window).not.toHaveBeenCalled();
    log.retry();
    expect(log.error).toBe('');
    expect(last().of('subscribe')).toHaveLength(2);
    log.close();
  });

  it('knows output that was removed while it was looked at from what could not be read', async () => {
    for (const [status, removed] of [[410, true], [503, false]] as const) {
      const { deps, last, window, paint } = make();
      const log = new TaskLog('j', 'v', deps);
      log.follow();
      last().sends(last().of('subscribe')[0]!.ch as number, lines(9990, 10_000));
      paint();
      window.mockRejectedValue(new ApiError(status, 'No', 'It did not work.'));
      log.want(0, 40);
      await vi.waitFor(() => expect(log.error).toBe('It did not work.'));
      expect(log.removed).toBe(removed);
    }
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

  it('is bounded by its text too', () => {
    const pages = new LinePages();
    const text = 'x'.repeat(KEPT_CHARS_MAX);
    for (let n = 0; n * KEPT_CHARS_MAX < KEPT_TEXT_MAX * 2; n++) pages.put({ ...line(n), text });
    expect(pages.get(0)).toBeUndefined();
    expect(pages.get(Math.floor((KEPT_TEXT_MAX * 2) / KEPT_CHARS_MAX))).toBeDefined();
  });

  it('finds the first stretch that is missing', () => {
    const pages = new LinePages();
    for (const each of lines(10, 20)) pages.put(each);
    expect(pages.missing(0, 30, 500)).toEqual({ from: 0, count: 10 });
    expect(pages.missing(10, 30, 5)).toEqual({ from: 20, count: 5 });
    expect(pages.missing(10, 20, 500)).toBeNull();
  });
});
