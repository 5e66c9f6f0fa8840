import { describe, expect, it } from 'vitest';
import { commandText, commandTitle, formatAgo, formatBytes, formatDuration, formatLineTime, formatTime, formatUptime, plural, quoteWord } from './format';

describe('format', () => {
  it('writes sizes and spans as people read them', () => {
    expect(formatBytes(512)).toBe('512 B');
    expect(formatBytes(1536)).toBe('1.5 KiB');
    expect(formatBytes(5 * 1024 ** 3)).toBe('5.0 GiB');
    expect(formatDuration(0)).toBe('<1 ms');
    expect(formatDuration(840)).toBe('840 ms');
    expect(formatDuration(4200)).toBe('4.2 s');
    expect(formatDuration(185_000)).toBe('3m 05s');
    expect(formatDuration(7_440_000)).toBe('2h 04m');
    expect([formatUptime(59), formatUptime(11_520), formatUptime(90_000)]).toEqual(['0 min', '3 h 12 min', '1 day, 1 h']);
    expect(plural(1, 'machine')).toBe('1 machine');
    expect(plural(2000, 'machine')).toBe('2,000 machines');
  });

  it('tells ages, also of what a skewed clock puts into the future', () => {
    expect(formatAgo(1000, 0)).toBe('just now');
    expect(formatAgo(0, 65_000)).toBe('1 min ago');
  });

  it('quotes words where a shell would take them apart', () => {
    expect(quoteWord('a b')).toBe(`'a b'`);
    expect(quoteWord(`it's`)).toBe(`'it'\\''s'`);
    expect(quoteWord('/usr/bin/x-1')).toBe('/usr/bin/x-1');
    expect(commandText({ argv: ['echo', 'a b'] })).toBe(`echo 'a b'`);
    expect(commandTitle({ script: '#!/bin/sh\nuptime\ndf' })).toBe('uptime …');
  });

  it('begins a day with hour 0', () => {
    const midnight = new Date(2026, 0, 31).getTime();
    expect(formatLineTime(midnight + 7)).toBe('00:00:00.007');
    expect(formatTime(midnight)).not.toContain('24:00');
  });
});
