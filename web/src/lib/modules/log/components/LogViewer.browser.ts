import { flushSync } from 'svelte';
import { SvelteMap } from 'svelte/reactivity';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Container } from '$lib/core/container';
import { createUiState, UI_STATE } from '$lib/core/state';
import { clear, show } from '$lib/test/show';
import { LOG_STORE } from '../tokens';
import LogViewer from './LogViewer.svelte';

afterEach(clear);

describe('LogViewer', () => {
  it('opens a log once, however often the task changes that it is of', () => {
    const closed: string[] = [];
    const open = vi.fn((_job: string, vm: string) => ({ total: 0, complete: false, error: '', removed: false, skipped: null, close: () => closed.push(vm) }));
    const container = new Container()
      .register(UI_STATE, () => createUiState({ storage: null, applyTheme: () => undefined, systemDark: () => true }))
      .register(LOG_STORE, () => ({ open }) as never)
      .makeAll();
    const held = new SvelteMap([['task', { job: 'j', vm: 'vm-1', lines: 0 }]]);
    const task = () => held.get('task')!;
    show(LogViewer, { get job() { return task().job; }, get vm() { return task().vm; }, vmName: 'web-1', live: true }, container);
    flushSync();
    for (let lines = 1; lines < 20; lines++) flushSync(() => held.set('task', { ...task(), lines }));
    expect(open.mock.calls).toEqual([['j', 'vm-1']]);
    flushSync(() => held.set('task', { ...task(), vm: 'vm-2' }));
    expect(open.mock.calls.at(-1)).toEqual(['j', 'vm-2']);
    expect(closed).toEqual(['vm-1']);
  });

  it('opens the log anew of a task that was taken up again after its end', () => {
    const open = vi.fn(() => ({ total: 0, complete: false, error: '', removed: false, skipped: null, close: () => undefined }));
    const container = new Container()
      .register(UI_STATE, () => createUiState({ storage: null, applyTheme: () => undefined, systemDark: () => true }))
      .register(LOG_STORE, () => ({ open }) as never)
      .makeAll();
    const held = new SvelteMap([['live', true]]);
    show(LogViewer, { job: 'j', vm: 'vm-1', vmName: 'web-1', get live() { return held.get('live')!; } }, container);
    flushSync();
    flushSync(() => held.set('live', false));
    expect(open).toHaveBeenCalledTimes(1);
    flushSync(() => held.set('live', true));
    expect(open).toHaveBeenCalledTimes(2);
  });
});
