import { describe, expect, it } from 'vitest';
import { foldNames } from './names';

describe('foldNames', () => {
  it('folds what differs only in its number', () => {
    expect(foldNames(['web-7', 'web-1', 'web-2', 'web-3'])).toBe('web-[1-3,7]');
    expect(foldNames(['db-1'])).toBe('db-1');
    expect(foldNames(['bastion', 'web-2', 'db-1', 'web-1'])).toBe('bastion, db-1, web-[1-2]');
  });

  it('takes the last number of a name and keeps what follows it', () => {
    expect(foldNames(['r1-web-1a', 'r1-web-2a', 'r2-web-1a'])).toBe('r1-web-[1-2]a, r2-web-1a');
    expect(foldNames(['web-1a', 'web-1b'])).toBe('web-1a, web-1b');
  });

  it('does not mix numbers of fixed width with others', () => {
    expect(foldNames(['n01', 'n02', 'n03', 'n1'])).toBe('n[01-03], n1');
    expect(foldNames([])).toBe('');
  });
});
