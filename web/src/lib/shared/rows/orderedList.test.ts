import { describe, expect, it } from 'vitest';
import { byName } from '../utils';
import { OrderedList } from './orderedList.svelte';

interface Named {
  id: string;
  name: string;
  lines?: number;
}
const named = (name: string, id = name): Named => ({ id, name });
const names = (list: OrderedList<Named>) => list.all.map((item) => item.name);
const keyOf = (item: Named) => item.id;

function counted(items: readonly Named[]) {
  const count = { compared: 0 };
  const compare = (a: Named, b: Named) => (count.compared++, byName(a, b));
  return { count, list: new OrderedList<Named>({ keyOf, compare }, items) };
}

/** A pseudo-random number below a bound, from a seed. */
function numbers(seed: number) {
  let state = seed;
  return (below: number) => (state = (state * 48_271) % 2_147_483_647) % below;
}

describe('OrderedList', () => {
  it('stands in order whatever comes, changes, moves and goes', () => {
    const seed = Number(process.env.CORRAL_SEED ?? (Date.now() % 1_000_000) + 1);
    const next = numbers(seed);
    const { list } = counted([]);
    const model = new Map<string, Named>();
    for (let step = 0; step < 2000; step++) {
      const id = `id-${next(60)}`;
      if (next(4) === 0) {
        list.delete(id);
        model.delete(id);
      } else {
        // Several have the same name: each must still be found.
        const item = { id, name: `web-${next(20)}`, lines: step };
        list.put(item);
        model.set(id, item);
      }
      if (next(200) === 0) {
        const kept = [...model.values()].filter(() => next(2) === 0);
        const gone = list.replace(kept);
        expect(gone.sort(), `seed ${seed}`).toEqual([...model.keys()].filter((key) => !kept.some((item) => item.id === key)).sort());
        model.clear();
        for (const item of kept) model.set(item.id, item);
      }
      expect(names(list), `seed ${seed}, step ${step}`).toEqual([...model.values()].sort(byName).map((item) => item.name));
      expect(new Set(list.all), `seed ${seed}, step ${step}`).toEqual(new Set(model.values()));
      expect(list.get(id)).toBe(model.get(id));
      expect(list.size).toBe(model.size);
    }
  });

  it('takes what is new of all at once, and says who is gone', () => {
    const { list } = counted([named('web-1'), named('web-2'), named('web-10')]);
    expect(list.replace([named('web-10'), named('app-7', 'web-1'), named('web-3')])).toEqual(['web-2']);
    expect(names(list)).toEqual(['app-7', 'web-3', 'web-10']);
    const newer = named('a');
    list.replace([newer]);
    expect(list.all).toEqual([newer]);
    expect(list.all[0]).toBe(newer);
  });

  it('compares little where nothing moved', () => {
    const all = Array.from({ length: 1000 }, (_, i) => named(`web-${i}`));
    const { list, count } = counted(all);
    count.compared = 0;
    list.replace([...all].reverse());
    expect(count.compared).toBe(999);
  });

  it('touches only the item that changes', () => {
    const { list, count } = counted(Array.from({ length: 1000 }, (_, i) => named(`web-${i}`)));
    const before = list.all;
    count.compared = 0;
    list.put({ ...named('web-512'), lines: 7 });
    // Ten halvings of a thousand find it.
    expect(count.compared).toBeLessThanOrEqual(12);
    const after = list.all;
    expect(after.filter((item, i) => item !== before[i])).toEqual([{ id: 'web-512', name: 'web-512', lines: 7 }]);
    expect(list.all).toBe(after);
  });
});
