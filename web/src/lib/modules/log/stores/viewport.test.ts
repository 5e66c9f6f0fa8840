import { describe, expect, it } from 'vitest';
import { isScaled, maxTop, scrollTopOf, SPACER_MAX_PX, spacerHeight, topOf } from './viewport';

const short = { rows: 1000, rowHeight: 20, viewHeight: 500 };
const long = { rows: 10_000_000, rowHeight: 20, viewHeight: 500 };

describe('viewport', () => {
  it('is the scroll bar itself while the list fits into an element', () => {
    expect(isScaled(short)).toBe(false);
    expect(topOf(1234, short)).toBe(1234);
    expect(scrollTopOf(1234, short)).toBe(1234);
  });

  it('reaches the first and the last of ten million lines', () => {
    expect(isScaled(long)).toBe(true);
    expect(spacerHeight(long)).toBe(SPACER_MAX_PX);
    expect(topOf(0, long)).toBe(0);
    expect(topOf(SPACER_MAX_PX - 500, long)).toBe(maxTop(long));
    expect(maxTop(long) / 20 + 25).toBe(10_000_000);
  });

  it('comes back to the same line', () => {
    const top = 7_654_321 * 20;
    expect(Math.abs(topOf(scrollTopOf(top, long), long) - top)).toBeLessThan(1);
  });

  it('stands still where there is nothing to scroll', () => {
    expect(topOf(50, { rows: 3, rowHeight: 20, viewHeight: 500 })).toBe(0);
    expect(topOf(0, { rows: 0, rowHeight: 20, viewHeight: 0 })).toBe(0);
  });
});
