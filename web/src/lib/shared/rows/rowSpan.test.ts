import { describe, expect, it } from 'vitest';
import { MARGIN_PX, spanOf } from './rowSpan';

const even = () => 50;

describe('spanOf', () => {
  it('draws what is seen and a margin, and leaves room for the rest', () => {
    const span = spanOf(1000, even, 10_000, 500);
    const margin = MARGIN_PX / 50;
    expect(span.from).toBe(200 - margin);
    expect(span.to).toBe(210 + margin);
    expect(span.before).toBe(span.from * 50);
    expect(span.after).toBe((1000 - span.to) * 50);
  });

  it('keeps the height of the whole whatever is drawn', () => {
    const heights = (i: number) => 20 + (i % 7) * 9;
    const all = Array.from({ length: 500 }, (_, i) => heights(i)).reduce((sum, height) => sum + height, 0);
    for (let top = -300; top < all + 900; top += 137) {
      const { from, to, before, after } = spanOf(500, heights, top, 400);
      let shown = 0;
      for (let i = from; i < to; i++) shown += heights(i);
      expect(before + shown + after).toBe(all);
      expect(to).toBeGreaterThan(from);
    }
  });

  it('draws every row that can be seen', () => {
    const heights = (i: number) => (i % 3 === 0 ? 80 : 30);
    const { from, to, before } = spanOf(300, heights, 4000, 600);
    let bottom = before;
    for (let i = from; i < to; i++) bottom += heights(i);
    expect(before).toBeLessThanOrEqual(4000);
    expect(bottom).toBeGreaterThanOrEqual(4600);
  });

  it('has nothing to draw of nothing', () => {
    expect(spanOf(0, even, 0, 500)).toEqual({ from: 0, to: 0, before: 0, after: 0 });
  });
});
