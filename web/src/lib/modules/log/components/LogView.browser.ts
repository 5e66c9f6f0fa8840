import { flushSync } from 'svelte';
import { SvelteMap } from 'svelte/reactivity';
import { afterEach, describe, expect, it } from 'vitest';
import { clear, show } from '$lib/test/show';
import type { LineSource } from '../types';
import LogView from './LogView.svelte';

afterEach(clear);

const picture = () => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
const look = { wrap: false, time: 'off', numbers: true, fold: false } as const;

/** A log that grows when it is told to; its first lines may go, as those of several machines together do. */
function growing(lines: number) {
  const held = new SvelteMap([['total', lines], ['base', 0]]);
  const source = {
    get version() { return held.get('total')! + held.get('base')!; },
    get total() { return held.get('total')!; },
    get base() { return held.get('base')!; },
    highest: 0,
    complete: false,
    line: (index: number) => ({ n: index + held.get('base')!, at: 0, stderr: false, partial: false, text: `line ${index + held.get('base')!}` }),
    want: () => undefined
  } as unknown as LineSource;
  return { source, held };
}

describe('LogView', () => {
  it('keeps the element of a line while the line is in view, whatever comes below and goes above', async () => {
    const { source, held } = growing(500);
    const holder = show(LogView, { source, label: 'Output', look, follow: true, class: 'h-96' });
    await picture();
    const shown = () => new Map([...holder.querySelectorAll<HTMLElement>('[data-index]')].map((row) => [row.querySelector('[data-text]')!.textContent, row]));
    for (const change of [() => held.set('total', 503), () => held.set('total', 504), () => held.set('base', 2).set('total', 502)]) {
      const before = shown();
      flushSync(change);
      await picture();
      const after = shown();
      expect(after.has(`line ${source.total + (source.base ?? 0) - 1}`)).toBe(true);
      const stayed = [...before.keys()].filter((text) => after.has(text));
      expect(stayed.length).toBeGreaterThanOrEqual(before.size - 4);
      for (const text of stayed) expect(after.get(text), text ?? '').toBe(before.get(text));
      // They stand in their order.
      const numbers = [...after.keys()].map((text) => Number(text?.slice('line '.length)));
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    }
  });
});
