import { describe, expect, it } from 'vitest';
import { jobPath, jobViewPath, lineRangeOf, logsPath } from '.';

describe('addresses', () => {
  it('name a job, a machine in it, a line or some of its output', () => {
    expect(jobPath('j')).toBe('/jobs/j');
    expect(jobPath('j', 'v')).toBe('/jobs/j?vm=v');
    expect(jobPath('j', 'v', 7)).toBe('/jobs/j?vm=v&line=7');
    expect(jobPath('j', 'v', { from: 7, to: 7 })).toBe('/jobs/j?vm=v&line=7');
    expect(jobPath('j', 'v', { from: 7, to: 12 })).toBe('/jobs/j?vm=v&line=7-12');
    expect(jobPath('j', null, 7)).toBe('/jobs/j');
    expect(jobViewPath('j', 'over-time')).toBe('/jobs/j?view=over-time');
    expect(logsPath({ q: 'a b', regex: true, vm: '' })).toBe('/logs?q=a+b&regex=true');
  });

  it('are read again, and nonsense is nothing', () => {
    expect(lineRangeOf('7')).toEqual({ from: 7, to: 7 });
    expect(lineRangeOf('12-7')).toEqual({ from: 7, to: 12 });
    for (const text of [null, '', '0', '-3', '7-', '1.5', 'x', '7-8-9', '99999999999999999999']) expect(lineRangeOf(text)).toBeNull();
  });
});
