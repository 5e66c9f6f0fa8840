import { describe, expect, it, vi } from 'vitest';
import { EventDispatcher } from '$lib/core/events';
import { makeJob, makeSnapshot } from '$lib/test/fakes';
import type { Activity } from '../types';
import { AGE_MAX_MS, createJobActivity, REFRESH_MS, STEP_MS } from './jobActivity.svelte';

const NOW = Date.parse('2026-01-02T10:07:13.000Z');
const STEP = { at: '2026-01-01T10:00:00.000Z', queued: 0, running: 1, succeeded: 2, failed: 1, cancelled: 0, unknown: 0 };
const ANSWER: Activity = { since: STEP.at, step_seconds: STEP_MS / 1000, items: [STEP, { ...STEP, running: 0, queued: 2 }] };

/** A store over a host that answers at once and a clock that is moved by hand. */
function make(activity = vi.fn(async () => ANSWER)) {
  const dispatcher = new EventDispatcher();
  const timers: { at: number; run: () => void }[] = [];
  let now = 0;
  const later = (run: () => void, ms: number) => {
    const timer = { at: now + ms, run };
    timers.push(timer);
    return () => void (timers.includes(timer) && timers.splice(timers.indexOf(timer), 1));
  };
  const store = createJobActivity({ dispatcher, service: { activity }, now: () => NOW, later });
  dispatcher.snapshot('e1', 0, makeSnapshot());
  let seq = 0;
  const emit = (body: object) => dispatcher.events('e1', [{ seq: ++seq, epoch: 'e1', at: '', actor: 'host', ...body } as never]);
  const advance = async (ms: number) => {
    now += ms;
    for (const timer of timers.filter((each) => each.at <= now)) {
      timers.splice(timers.indexOf(timer), 1);
      timer.run();
    }
    await settled();
  };
  return { store, activity, emit, advance, timers };
}

const settled = async () => {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
};
const created = { type: 'job-created', job: makeJob('01', { tasks: [] }) };

describe('jobActivity', () => {
  it('asks from a whole quarter of an hour on, and adds up what it hears', async () => {
    const { store, activity } = make();
    store.watch();
    await settled();
    expect(activity).toHaveBeenCalledWith('2026-01-01T10:00:00.000Z', 900, expect.anything());
    expect(store.total).toEqual({ succeeded: 4, failed: 2, cancelled: 0, unknown: 0, live: 3, jobs: 9 });
  });

  it('asks nothing while nobody looks', async () => {
    const { store, activity, emit, advance, timers } = make();
    emit(created);
    await advance(AGE_MAX_MS);
    expect(activity).not.toHaveBeenCalled();
    const leave = store.watch();
    await settled();
    leave();
    emit(created);
    await advance(AGE_MAX_MS);
    expect(activity).toHaveBeenCalledTimes(1);
    expect(timers).toEqual([]);
  });

  it('answers to many changes with one question, and to none with none', async () => {
    const { store, activity, emit, advance } = make();
    store.watch();
    await settled();
    for (let n = 0; n < 50; n++) emit(created);
    expect(activity).toHaveBeenCalledTimes(1);
    await advance(REFRESH_MS);
    expect(activity).toHaveBeenCalledTimes(2);
    emit({ type: 'job-updated', job_id: '01', changes: { counts: {} } });
    await advance(REFRESH_MS);
    expect(activity).toHaveBeenCalledTimes(2);
    emit({ type: 'job-updated', job_id: '01', changes: { status: 'failed' } });
    await settled();
    expect(activity).toHaveBeenCalledTimes(3);
  });

  it('asks again after a while though nothing happened', async () => {
    const { store, activity, advance } = make();
    store.watch();
    await settled();
    await advance(REFRESH_MS);
    await advance(AGE_MAX_MS);
    expect(activity).toHaveBeenCalledTimes(2);
  });

  it('keeps what it knows and the reason when the host cannot answer, and asks on', async () => {
    const activity = vi.fn(async () => ANSWER);
    const { store, emit, advance } = make(activity);
    store.watch();
    await settled();
    const failure = new Error('disk full');
    activity.mockRejectedValueOnce(failure);
    await advance(REFRESH_MS);
    emit(created);
    await settled();
    expect(store.error).toBe(failure);
    expect(store.value).toBe(ANSWER);
    emit(created);
    await advance(REFRESH_MS);
    expect(store.error).toBeNull();
  });
});
