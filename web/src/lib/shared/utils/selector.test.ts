import { describe, expect, it } from 'vitest';
import { looksLikeSelector, parseSelector, SelectorError } from './selector';

const admits = (selector: string, name: string, labels: Record<string, string> = {}) => parseSelector(selector)({ name, labels });

describe('parseSelector', () => {
  it('wants all parts to hold', () => {
    const web = { env: 'prod', role: 'web' };
    expect(admits('env=prod,role=web,!canary', 'web-1', web)).toBe(true);
    expect(admits('env=prod,role=db', 'web-1', web)).toBe(false);
    expect(admits('env=prod,!canary', 'web-1', { env: 'prod', canary: '' })).toBe(false);
    expect(admits('role!=db', 'x')).toBe(true);
    expect(admits('role=db', 'x')).toBe(false);
    expect(admits('all', 'x')).toBe(true);
  });

  it('reads a bare word as a label or a name, and a star as anything', () => {
    expect(admits('web-*', 'web-17')).toBe(true);
    expect(admits('web-*', 'db-1')).toBe(false);
    expect(admits('w*-*7', 'web-17')).toBe(true);
    expect(admits('!web-1', 'web-1')).toBe(false);
    expect(admits('name=web-1', 'web-1')).toBe(true);
    expect(admits('env=p*', 'x', { env: 'prod' })).toBe(true);
  });

  it('joins alternatives by a bar', () => {
    expect(admits('role=web|d*', 'x', { role: 'db' })).toBe(true);
    expect(admits('role!=web|db', 'x', { role: 'db' })).toBe(false);
    expect(admits('web-*|db-1', 'db-1')).toBe(true);
    expect(admits('!web-1|db-1', 'db-1')).toBe(false);
    expect(admits(' env = prod , ! canary ', 'x', { env: 'prod' })).toBe(true);
  });

  it('names the part that it cannot read', () => {
    for (const text of ['', 'a=1,,b', '=x', '!', '!=x', 'role=web|', 'a||b', '!role=db', 'a b=c']) expect(() => parseSelector(text), text).toThrow(SelectorError);
  });

  it('is told apart from a search', () => {
    expect(looksLikeSelector('web 1')).toBe(false);
    expect(looksLikeSelector('env=prod')).toBe(true);
    expect(looksLikeSelector('all')).toBe(true);
  });
});
