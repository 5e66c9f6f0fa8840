import { SvelteMap } from 'svelte/reactivity';
import { describe, expect, it } from 'vitest';
import type { Preferences } from '$lib/core/state';
import { DEFAULT_LAYOUT, layoutOf, WIDGETS, type WidgetId } from '../types';
import { createOverviewLayout } from './overviewLayout.svelte';

function make(kept?: unknown) {
  const held = new SvelteMap<string, unknown>(kept === undefined ? [] : [['overview', kept]]);
  const preferences = { get: (name: string) => held.get(name), set: async (name: string, value: unknown) => held.set(name, value) !== undefined };
  return createOverviewLayout(preferences as unknown as Preferences);
}

describe('overviewLayout', () => {
  it('is as usual until somebody arranges it', () => {
    const board = make();
    expect(board.layout).toEqual(DEFAULT_LAYOUT);
    expect(board.hidden).toEqual(['plugins']);
    expect(board.changed).toBe(false);
  });

  it('moves up, down and across', () => {
    const board = make();
    board.step('recent', 'up');
    expect(board.layout.wide).toEqual(['running', 'recent', 'failures']);
    board.step('running', 'down');
    expect(board.layout.wide).toEqual(['recent', 'running', 'failures']);
    board.step('fleet', 'before');
    expect(board.layout.wide.at(-1)).toBe('fleet');
    expect(board.layout.narrow).toEqual(['commands']);
    expect(board.said).toBe('Fleet: 4 of 4, wide column');
    expect(board.mayStep('commands', 'after')).toBe(false);
    expect(board.mayStep('figures', 'before')).toBe(false);
    expect(board.mayStep('recent', 'up')).toBe(false);
  });

  it('hides, shows and goes back', () => {
    const board = make();
    board.hide('fleet');
    expect(board.hidden).toContain('fleet');
    board.place('plugins', 'narrow', 0);
    expect(board.layout.narrow).toEqual(['plugins', 'commands']);
    board.reset();
    expect(board.layout).toEqual(DEFAULT_LAYOUT);
  });

  it('puts what is dragged before what it is dropped on', () => {
    const board = make();
    board.place('recent', 'wide', 0);
    expect(board.layout.wide).toEqual(['recent', 'running', 'failures']);
    board.place('recent', 'wide', 2);
    expect(board.layout.wide).toEqual(['running', 'recent', 'failures']);
  });

  it('never holds a widget twice, whatever is done', () => {
    const board = make();
    const ids = Object.keys(WIDGETS) as WidgetId[];
    for (let i = 0; i < 200; i++) {
      const id = ids[(i * 7) % ids.length]!;
      if (i % 5 === 4) board.hide(id);
      else if (i % 3 === 0) board.place(id, (['top', 'wide', 'narrow'] as const)[i % 3]!, i % 4);
      else board.step(id, (['up', 'down', 'before', 'after'] as const)[i % 4]!);
      const all = [...board.layout.top, ...board.layout.wide, ...board.layout.narrow, ...board.hidden];
      expect([...all].sort()).toEqual([...ids].sort());
    }
  });

  it('makes something of whatever was kept', () => {
    expect(layoutOf('nonsense')).toEqual(DEFAULT_LAYOUT);
    expect(layoutOf({ top: ['figures', 'figures', 'gone', 7], wide: 'no', narrow: ['figures', 'fleet', '__proto__'] })).toEqual({ top: ['figures'], wide: [], narrow: ['fleet'] });
  });
});
