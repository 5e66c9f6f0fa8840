import { describe, expect, it, vi } from 'vitest';
import type { Groups } from '../types';
import { createOutputGroups } from './outputGroups.svelte';

/** A service that answers when it is told to, and a clock that is moved by hand. */
function make() {
  const answers: ((groups: Groups) => void)[] = [];
  const timers: (() => void)[] = [];
  const groups = vi.fn((_job: string, _stream: string, signal?: AbortSignal) => new Promise<Groups>((resolve, reject) => {
    answers.push(resolve);
    signal?.addEventListener('abort', () => reject(new DOMException('', 'AbortError')));
  }));
  const store = createOutputGroups('j', {
    service: { groups },
    later: (run) => {
      timers.push(run);
      return () => void timers.splice(timers.indexOf(run), 1);
    }
  });
  const answer = async (pending: number) => {
    answers.shift()!({ total: 3, pending, groups: [] });
    await vi.waitFor(() => expect(store.loading).toBe(false));
  };
  return { store, groups, answer, answers, tick: () => timers.shift()?.() };
}

describe('outputGroups', () => {
  it('reads once however often it is told, and once more for what came meanwhile', async () => {
    const { store, groups, answer, tick } = make();
    store.refresh();
    store.refresh();
    store.refresh();
    expect(groups).toHaveBeenCalledOnce();
    await answer(2);
    expect(store.value?.pending).toBe(2);
    expect(groups).toHaveBeenCalledOnce();
    tick();
    expect(groups).toHaveBeenCalledTimes(2);
    await answer(0);
    tick();
    expect(groups).toHaveBeenCalledTimes(2);
  });

  it('shows nothing of the other output while it reads', async () => {
    const { store, groups, answer } = make();
    store.refresh();
    await answer(0);
    store.show('stderr');
    expect(store.value).toBeNull();
    expect(groups).toHaveBeenLastCalledWith('j', 'stderr', expect.anything());
  });

  it('does not take an answer to a question that was taken back', async () => {
    const { store, answers, groups } = make();
    store.refresh();
    store.show('stdout');
    answers[0]!({ total: 3, pending: 9, groups: [] });
    answers[1]!({ total: 3, pending: 1, groups: [] });
    await vi.waitFor(() => expect(store.loading).toBe(false));
    expect(groups).toHaveBeenCalledTimes(2);
    expect(store.value?.pending).toBe(1);
    expect(store.error).toBeNull();
  });

  it('asks no more once it was closed', async () => {
    const { store, groups, answer, tick } = make();
    store.refresh();
    await answer(1);
    store.refresh();
    store.close();
    tick();
    expect(groups).toHaveBeenCalledOnce();
  });
});
