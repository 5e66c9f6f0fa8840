import { describe, expect, it } from 'vitest';
import { byName, sortedAgain } from './search';

const named = (name: string, id = name) => ({ id, name });

describe('sortedAgain', () => {
  it('sorts as if for the first time, whatever came, went and was renamed', () => {
    const before = [named('web-1'), named('web-2'), named('web-10')];
    const now = [named('web-10'), named('app-7', 'web-1'), named('web-3')];
    expect(sortedAgain(before, now, byName).map((item) => item.name)).toEqual(['app-7', 'web-3', 'web-10']);
  });

  it('gives the newest of each item', () => {
    const newer = named('a');
    expect(sortedAgain([named('a')], [newer], byName)[0]).toBe(newer);
  });

  it('compares little where nothing moved', () => {
    const all = Array.from({ length: 1000 }, (_, i) => named(`web-${i}`));
    let compared = 0;
    sortedAgain(all, [...all].reverse(), (a, b) => {
      compared++;
      return byName(a, b);
    });
    expect(compared).toBe(999);
  });
});
