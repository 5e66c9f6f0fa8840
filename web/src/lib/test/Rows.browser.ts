import { afterEach, describe, expect, it } from 'vitest';
import { clear, show } from './show';
import Rows from './Rows.svelte';

afterEach(clear);

const picture = () => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));

describe('RowWindow', () => {
  it('draws a few of many rows, whatever their heights, and knows how tall all are once all were seen', async () => {
    const heights = Array.from({ length: 600 }, (_, i) => 20 + ((i * 37) % 60));
    const holder = show(Rows, { heights, estimate: 30 });
    const scroller = holder.querySelector<HTMLElement>('[data-scroller]')!;
    await picture();
    for (let at = -1; scroller.scrollTop > at; ) {
      const rows = [...scroller.querySelectorAll<HTMLElement>('[data-row]')];
      expect(rows.length).toBeLessThan(80);
      // What one looks at is covered: there are rows from above the upper edge to below the lower one.
      const { top, bottom } = scroller.getBoundingClientRect();
      expect(rows[0]!.getBoundingClientRect().top).toBeLessThanOrEqual(top);
      expect(rows.at(-1)!.getBoundingClientRect().bottom).toBeGreaterThanOrEqual(bottom - 1);
      at = scroller.scrollTop;
      scroller.scrollTop += 250;
      await picture();
    }
    expect(scroller.querySelector('[data-row="599"]')).not.toBeNull();
    expect(scroller.scrollHeight).toBe(heights.reduce((sum, height) => sum + height, 0));
  });
});
