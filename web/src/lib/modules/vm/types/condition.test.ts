import { describe, expect, it } from 'vitest';
import type { Facts } from '$lib/core/clients';
import { diskOf, loadOf } from './condition';

const told = (more: Partial<Facts>) => ({ disk_bytes: null, disk_free_bytes: null, load_1: null, cpus: null, ...more }) as Facts;

describe('what a machine tells of its condition', () => {
  it('says how full its disk is, and when that is too full', () => {
    expect(diskOf(told({ disk_bytes: 100, disk_free_bytes: 50 }))).toEqual({ used: 50, part: 0.5, tone: 'ok' });
    expect(diskOf(told({ disk_bytes: 100, disk_free_bytes: 25 }))?.tone).toBe('warn');
    expect(diskOf(told({ disk_bytes: 100, disk_free_bytes: 10 }))?.tone).toBe('bad');
    expect(diskOf(told({ disk_bytes: 100, disk_free_bytes: 120 }))?.part).toBe(0);
  });

  it('is silent about what was not told', () => {
    for (const facts of [null, undefined, told({}), told({ disk_bytes: 0, disk_free_bytes: 0 }), told({ disk_bytes: 5 })]) expect(diskOf(facts)).toBeNull();
    expect(loadOf(null)).toBeNull();
    expect(loadOf(told({ load_1: 0.5 }))).toEqual({ value: 0.5, high: false, note: '' });
  });

  it('compares load with processors', () => {
    expect(loadOf(told({ load_1: 2, cpus: 4 }))).toEqual({ value: 2, high: false, note: '50 % of its processors' });
    expect(loadOf(told({ load_1: 4, cpus: 4 }))?.high).toBe(true);
  });
});
