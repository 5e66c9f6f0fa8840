import { describe, expect, it } from 'vitest';
import { levelOf } from '../types';
import { kept, KEPT_CHARS_MAX } from './keep';
import { formatOffset, formatUtc, lineTime } from './lineTime';
import { exportExtension, exportUrl } from './LogService';

const line = (n: number, at: number) => ({ n, at, stderr: false, partial: false, text: '' });

describe('times', () => {
  it('are those of the day, since the beginning, since the line before', () => {
    const [before, here] = [line(0, 60_000), line(1, 62_345)];
    expect(lineTime('off', here, before, 0)).toBe('');
    expect(lineTime('absolute', here, before, 0)).toMatch(/^\d\d:\d\d:02\.345$/);
    expect(lineTime('relative', here, before, 1000)).toBe('+1:01.345');
    expect(lineTime('delta', here, before, 0)).toBe('+2.345');
  });

  it('are left out rather than wrong', () => {
    expect(lineTime('delta', line(5, 1000), undefined, 0)).toBe('');
    expect(lineTime('delta', line(5, 1000), { ...line(4, 0), damaged: { first: 4, count: 1 } }, 0)).toBe('');
    expect(lineTime('relative', line(5, 1000), undefined, null)).toBe('');
    expect(lineTime('absolute', { ...line(5, 0), damaged: { first: 5, count: 1 } }, undefined, 0)).toBe('');
  });

  it('read well from milliseconds to days, and backwards', () => {
    expect([0, 21, 59_999, 60_000, 3_723_004, 90_000_000, -1500].map(formatOffset)).toEqual(['+0.000', '+0.021', '+59.999', '+1:00.000', '+1:02:03.004', '+25:00:00.000', '−1.500']);
    expect(formatUtc(Date.UTC(2026, 0, 31, 12, 0, 0, 7))).toBe('2026-01-31 12:00:00.007 UTC');
    expect(formatUtc(NaN)).toBe('');
  });
});

describe('kept', () => {
  it('leaves lines alone, and keeps the beginning of long ones with their size', () => {
    const short = { ...line(0, 0), text: 'x' };
    expect(kept(short)).toBe(short);
    expect(kept({ ...short, text: 'é'.repeat(20_000) })).toMatchObject({ bytes: 40_000, text: 'é'.repeat(KEPT_CHARS_MAX) });
  });

  it('does not cut through a character', () => {
    const { text } = kept({ ...line(0, 0), text: 'x' + '👩'.repeat(20_000) });
    expect(text).not.toContain('\ufffd');
    expect(text.endsWith('👩')).toBe(true);
  });

  it('keeps the end of one that writes over itself', () => {
    const bar = Array.from({ length: 5000 }, (_, i) => `${i} of 5000`).join('\r');
    const { text, bytes } = kept({ ...line(0, 0), text: bar });
    expect(bytes).toBe(bar.length);
    expect(text.length).toBeLessThanOrEqual(KEPT_CHARS_MAX);
    expect(text.endsWith('\r4999 of 5000')).toBe(true);
  });
});

describe('levels', () => {
  it('have several names', () => {
    expect(levelOf({ level: 'WARNING' })?.level).toBe('warn');
    expect(levelOf({ level: 'crit' })).toMatchObject({ level: 'fatal', letter: 'F' });
    expect(levelOf({ level: 'loud' })).toBeUndefined();
    expect(levelOf({ level: 'constructor' })).toBeUndefined();
    expect(levelOf(undefined)).toBeUndefined();
  });
});

describe('exports', () => {
  it('are plain links that say no more than they must', () => {
    expect(exportUrl('j', 'v', { format: 'text', packing: 'none', colours: true })).toBe('/api/jobs/j/tasks/v/log/export');
    expect(exportUrl('j', 'v', { format: 'ndjson', packing: 'zstd', colours: false })).toBe('/api/jobs/j/tasks/v/log/export?format=ndjson&compress=zstd&ansi=strip');
    expect(exportUrl('j', null, { format: 'text', packing: 'gzip', colours: true })).toBe('/api/jobs/j/export?compress=gzip');
    expect(exportExtension('v', { format: 'ndjson', packing: 'zstd', colours: true })).toBe('.ndjson.zst');
    expect(exportExtension(null, { format: 'ndjson', packing: 'gzip', colours: true })).toBe('.tar.gz');
  });
});
