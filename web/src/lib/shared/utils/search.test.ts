import { describe, expect, it } from 'vitest';
import { matchesQuery, TextSearch } from './search';

describe('matchesQuery', () => {
  it('wants every word, in any text and any order', () => {
    expect(matchesQuery('prod WEB', 'web-1', null, 'env=prod')).toBe(true);
    expect(matchesQuery('prod db', 'web-1', undefined, 'env=prod')).toBe(false);
    expect(matchesQuery('  ', 'web-1')).toBe(true);
  });
});

describe('TextSearch', () => {
  it('finds what matchesQuery finds, and reads of an item once what is searched of it', () => {
    const items = Array.from({ length: 100 }, (_, i) => ({ name: `Web-${i}`, env: i % 2 ? 'prod' : 'test' }));
    let read = 0;
    const search = new TextSearch<(typeof items)[number]>((item) => (read++, [item.name, item.env]));
    for (const query of ['', 'web', 'prod 1', 'TEST web-2', 'nobody']) {
      expect(items.filter(search.matcher(query))).toEqual(items.filter((item) => matchesQuery(query, item.name, item.env)));
    }
    expect(read).toBe(100);
    // Another object is another item, whatever is in it.
    items[7] = { ...items[7]!, env: 'spare' };
    expect(items.filter(search.matcher('spare'))).toEqual([items[7]]);
    expect(read).toBe(101);
  });
});
