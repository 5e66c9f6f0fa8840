import { describe, expect, it } from 'vitest';
import { makeJob, makeTask } from '$lib/test/fakes';
import { axisOf, barOf, barSaid, besideBar, spanOfJob, tickText, TICKS_MAX, TICKS_MIN, timelineSaid, timeRows, toneOfTask } from './timeline';

const BEGIN = Date.parse('2026-01-01T00:00:00.000Z');
const at = (seconds: number) => new Date(BEGIN + seconds * 1000).toISOString();
const SPAN = { from: BEGIN, to: BEGIN + 20_000 };
const AXIS = { ticks: [0, 10_000, 20_000], end: 20_000 };

/** Spans from a millisecond to a hundred days, each a little longer than the one before. */
const SPANS = Array.from({ length: 1200 }, (_, n) => Math.round(1.0195 ** n)).filter((ms) => ms <= 100 * 86_400_000);

describe('axisOf', () => {
  it('has four to six marks whatever the span, the first at the beginning and the last within it', () => {
    expect(SPANS.at(-1)).toBeGreaterThan(90 * 86_400_000);
    for (const span of SPANS) {
      for (const open of [false, true]) {
        const { ticks, end } = axisOf(span, open);
        const said = `${span} ms, ${open ? 'open' : 'ended'}: ${ticks.map(tickText).join(', ')}`;
        expect(ticks.length, said).toBeGreaterThanOrEqual(TICKS_MIN);
        expect(ticks.length, said).toBeLessThanOrEqual(TICKS_MAX);
        expect(ticks[0], said).toBe(0);
        expect(ticks.at(-1), said).toBeLessThanOrEqual(end);
        expect(end, said).toBeGreaterThanOrEqual(span);
      }
    }
  });

  it('has marks as people count, each with a text of its own', () => {
    const texts = (span: number, open = false) => axisOf(span, open).ticks.map(tickText).join(' | ');
    expect(texts(23_000)).toBe('0 | 5 s | 10 s | 15 s | 20 s');
    expect(texts(4000)).toBe('0 | 1 s | 2 s | 3 s | 4 s');
    expect(texts(13_000)).toBe('0 | 3 s | 6 s | 9 s | 12 s');
    expect(texts(700)).toBe('0 | 200 ms | 400 ms | 600 ms');
    expect(texts(100_000)).toBe('0 | 30 s | 1 min | 1m 30s');
    expect(texts(5 * 3_600_000 + 1)).toBe('0 | 1 h | 2 h | 3 h | 4 h | 5 h');
    for (const span of SPANS) {
      const { ticks } = axisOf(span, false);
      expect(new Set(ticks.map(tickText)).size, `${span} ms`).toBe(ticks.length);
    }
  });

  it('ends at a mark beyond what goes on, and stays until that is reached', () => {
    expect(axisOf(21_000, true)).toEqual(axisOf(24_900, true));
    expect(axisOf(21_000, true).end).toBe(25_000);
    expect(axisOf(21_000, false).end).toBe(21_000);
  });

  it('has no more marks than there is room for', () => {
    for (const span of SPANS) expect(axisOf(span, true, 3).ticks.length, `${span} ms`).toBeLessThanOrEqual(3);
  });
});

describe('timeRows', () => {
  const targets = ['a', 'b', 'c', 'd', 'e'];
  const tasks = [
    makeTask('j', 'a', { position: 0, status: 'succeeded', started_at: at(0), finished_at: at(4) }),
    makeTask('j', 'c', { position: 2, status: 'running', started_at: at(5) }),
    makeTask('j', 'b', { position: 1, status: 'failed', started_at: at(5), finished_at: at(6) }),
    makeTask('j', 'd', { position: 3, status: 'unknown', started_at: at(5), finished_at: at(8) }),
    makeTask('j', 'e', { position: 4, status: 'queued' })
  ];
  const keys = (order: Parameters<typeof timeRows>[2], more = {}) => timeRows(makeJob('j', { targets, ...more }), tasks, order, SPAN.to).map((row) => row.key);

  it('are in the job’s order, each wave under its name', () => {
    expect(keys('job')).toEqual(targets);
    expect(keys('job', { canary: 1, batch: { size: 3 } })).toEqual(['wave Canary', 'a', 'wave Batch 1 of 2', 'b', 'c', 'd', 'wave Batch 2 of 2', 'e']);
  });

  it('have the slowest first, or trouble, and then no waves', () => {
    expect(keys('took', { canary: 1 })).toEqual(['c', 'a', 'd', 'b', 'e']);
    expect(keys('trouble', { canary: 1 })).toEqual(['b', 'd', 'a', 'c', 'e']);
  });
});

describe('a row', () => {
  const failed = makeTask('j', 'web-1', { status: 'failed', exit_code: 7, started_at: at(5), finished_at: at(10) });
  const waiting = makeTask('j', 'web-2', { status: 'queued' });
  const never = makeTask('j', 'web-3', { status: 'cancelled', finished_at: at(10) });
  const lost = makeTask('j', 'web-4', { status: 'running', started_at: at(1), contact_lost_at: at(9) });

  it('waits, then works, in parts of the axis', () => {
    expect(barOf(failed, SPAN, AXIS)).toEqual({ from: 0.25, to: 0.5 });
    expect(barOf(waiting, SPAN, AXIS)).toEqual({ from: null, to: 1 });
    expect(barOf(never, SPAN, AXIS)).toEqual({ from: null, to: 0.5 });
    expect(barOf(lost, SPAN, { ticks: [], end: 40_000 })).toEqual({ from: 0.025, to: 0.5 });
  });

  it('stays on the axis whatever the machines’ clocks say', () => {
    const odd = makeTask('j', 'x', { status: 'succeeded', started_at: at(-30), finished_at: at(90) });
    expect(barOf(odd, SPAN, AXIS)).toEqual({ from: 0, to: 1 });
    expect(barOf(odd, { from: BEGIN, to: BEGIN }, axisOf(0, false))).toEqual({ from: 0, to: 0.1 });
  });

  it('says beside the bar how long it took, and a word where it did not just go well', () => {
    expect(besideBar(failed, SPAN.to)).toEqual({ took: '5.0 s', outcome: 'exit 7' });
    expect(besideBar({ ...failed, status: 'succeeded' }, SPAN.to)).toEqual({ took: '5.0 s', outcome: '' });
    expect(besideBar({ ...failed, status: 'timed_out' }, SPAN.to)).toEqual({ took: '5.0 s', outcome: 'timed out' });
    expect(besideBar(waiting, SPAN.to)).toEqual({ took: '', outcome: 'waits' });
    expect(besideBar(never, SPAN.to)).toEqual({ took: '', outcome: 'not begun' });
    expect(besideBar(lost, SPAN.to)).toEqual({ took: '19 s', outcome: 'out of reach' });
    expect(toneOfTask(lost)).toBe('warn');
  });

  it('can be told in words', () => {
    expect(barSaid(failed, SPAN)).toBe('web-1: failed, exit 7, began after 5.0 s, took 5.0 s');
    expect(barSaid({ ...failed, status: 'succeeded' }, SPAN)).toBe('web-1: succeeded, began after 5.0 s, took 5.0 s');
    expect(barSaid(waiting, SPAN)).toBe('web-2: queued, waits for 20 s');
    expect(barSaid(never, SPAN)).toBe('web-3: cancelled, did not begin');
    expect(barSaid(lost, SPAN)).toBe('web-4: running, out of reach, began after 1.0 s, at work for 19 s');
  });
});

describe('the whole', () => {
  it('lasts from the first task to the end, or to now', () => {
    const job = makeJob('j', { created_at: at(-5), started_at: at(0) });
    expect(spanOfJob(job, SPAN.to)).toEqual(SPAN);
    expect(spanOfJob({ ...job, finished_at: at(3) }, SPAN.to)).toEqual({ from: BEGIN, to: BEGIN + 3000 });
    expect(spanOfJob({ ...job, started_at: null }, SPAN.to)).toEqual({ from: BEGIN - 5000, to: SPAN.to });
    expect(spanOfJob(job, BEGIN - 1000)).toEqual({ from: BEGIN, to: BEGIN });
  });

  it('is told in a sentence once two machines have ended', () => {
    const tasks = [3, 1, 9, 2].map((seconds, n) => makeTask('j', `web-${n}`, { status: 'succeeded', started_at: at(0), finished_at: at(seconds) }));
    expect(timelineSaid(tasks)).toBe('Half took 2.0 s or less; the slowest, web-2, took 9.0 s.');
    expect(timelineSaid([tasks[0]!, makeTask('j', 'x', { started_at: at(0) })])).toBe('');
  });
});
