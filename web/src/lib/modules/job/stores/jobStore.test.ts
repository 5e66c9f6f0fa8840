import { describe, expect, it, vi } from 'vitest';
import { EventDispatcher } from '$lib/core/events';
import { makeJob, makeSnapshot, makeTask, NO_COUNTS } from '$lib/test/fakes';
import type { JobService } from '../services/JobService';
import { createJobHistory } from './jobHistory.svelte';
import { createJobStore, JOBS_KEPT, JOBS_MAX, LOOKED_AT_MAX, TASKS_KEPT, TASKS_MAX } from './jobStore.svelte';

function make(service: Partial<JobService> = {}) {
  const dispatcher = new EventDispatcher();
  const store = createJobStore({ dispatcher, service: service as JobService });
  const jobs = [makeJob('02'), makeJob('01', { status: 'failed', counts: { ...NO_COUNTS, failed: 1 } })];
  dispatcher.snapshot('e1', 10, makeSnapshot({ jobs, tasks: [makeTask('02', 'vm-1')] }));
  let seq = 10;
  const emit = (body: object) => dispatcher.events('e1', [{ seq: ++seq, epoch: 'e1', at: '', actor: 'host', ...body } as never]);
  return { store, emit, dispatcher };
}

const NOW = Date.parse('2026-01-01T00:10:00.000Z');

describe('jobStore', () => {
  it('shows the newest first and knows what is live', () => {
    const { store, emit } = make();
    emit({ type: 'job-created', job: makeJob('03', { tasks: [makeTask('03', 'b', { position: 1 }), makeTask('03', 'a')] }) });
    expect(store.recent.map((job) => job.id)).toEqual(['03', '02', '01']);
    expect(store.live.map((job) => job.id)).toEqual(['03', '02']);
    expect(store.tasksOf('03')?.map((task) => task.vm_id)).toEqual(['a', 'b']);
  });

  it('takes over only what an update names', () => {
    const { store, emit } = make();
    emit({ type: 'task-updated', job_id: '02', vm_id: 'vm-1', changes: { lines: 7 } });
    emit({ type: 'job-updated', job_id: '02', changes: { status: 'succeeded' } });
    expect(store.task('02', 'vm-1')).toMatchObject({ lines: 7, status: 'running' });
    expect(store.get('02')).toMatchObject({ status: 'succeeded', command: { script: 'uptime' } });
  });

  it('takes up an ended job again when the host does, with its tasks', () => {
    const { store, emit } = make();
    const tasks = [makeTask('01', 'vm-1', { status: 'running', contact_lost_at: '2026-01-01T00:00:00.000Z' })];
    emit({ type: 'job-reopened', job: makeJob('01', { status: 'running', tasks }) });
    expect(store.live.map((job) => job.id)).toEqual(['02', '01']);
    expect(store.task('01', 'vm-1')?.status).toBe('running');
    emit({ type: 'task-updated', job_id: '01', vm_id: 'vm-1', changes: { status: 'succeeded', exit_code: 0 } });
    expect(store.task('01', 'vm-1')).toMatchObject({ status: 'succeeded', exit_code: 0, contact_lost_at: null });
  });

  it('knows a lost contact, a contact that is there again, and one of which nothing is said', () => {
    const { store, emit } = make();
    const change = (changes: object) => emit({ type: 'task-updated', job_id: '02', vm_id: 'vm-1', changes });
    change({ contact_lost_at: '2026-01-01T00:00:12.000Z' });
    change({ lines: 8 });
    expect(store.task('02', 'vm-1')).toMatchObject({ contact_lost_at: '2026-01-01T00:00:12.000Z', lines: 8 });
    change({ contact_lost_at: null });
    expect(store.task('02', 'vm-1')?.contact_lost_at).toBeNull();
  });

  it('keeps the receipt of a cancellation', () => {
    const { store, emit } = make();
    const receipt = { at: '2026-01-01T00:00:00.000Z', signalled: 3, killed: 1, gone: 2, survivors: [4711], unknown: '', message: '1 is left' };
    emit({ type: 'task-updated', job_id: '02', vm_id: 'vm-1', changes: { receipt, status: 'cancelled' } });
    emit({ type: 'task-updated', job_id: '02', vm_id: 'vm-1', changes: { lines: 9 } });
    expect(store.task('02', 'vm-1')).toMatchObject({ receipt, status: 'cancelled', lines: 9 });
  });

  it('fetches the tasks of an ended job when somebody looks, once', async () => {
    const get = vi.fn(async () => makeJob('01', { status: 'failed', tasks: [makeTask('01', 'vm-1', { status: 'failed' })] }));
    const { store } = make({ get });
    await store.ensure('01');
    await store.ensure('01');
    expect(get).toHaveBeenCalledOnce();
    expect(store.tasksOf('01')).toHaveLength(1);
  });

  it('does not let an answer that was under way make an ended job run again', () => {
    const { store } = make();
    store.put(makeJob('01', { status: 'running' }));
    expect(store.get('01')?.status).toBe('failed');
  });
});

describe('jobStore with very many', () => {
  const number = (n: number) => String(n).padStart(6, '0');
  const ended = (id: string, tasks = 1) => makeJob(id, { status: 'succeeded', counts: { ...NO_COUNTS, succeeded: tasks }, tasks: Array.from({ length: tasks }, (_, i) => makeTask(id, `vm-${i}`, { position: i, status: 'succeeded' })) });

  it('changes one task of a thousand and leaves the others what they are', () => {
    const { store, emit } = make();
    emit({ type: 'job-created', job: makeJob('03', { tasks: Array.from({ length: 1000 }, (_, i) => makeTask('03', `vm-${i}`, { position: i })) }) });
    const before = store.tasksOf('03')!;
    emit({ type: 'task-updated', job_id: '03', vm_id: 'vm-512', changes: { lines: 7 } });
    const after = store.tasksOf('03')!;
    expect(after.map((task) => task.position)).toEqual(before.map((task) => task.position));
    expect(after.filter((task, i) => task !== before[i])).toEqual([{ ...before[512], lines: 7 }]);
    // Nothing happened since: whoever shows it has nothing to do.
    emit({ type: 'task-updated', job_id: '02', vm_id: 'vm-1', changes: { lines: 7 } });
    expect(store.tasksOf('03')).toBe(after);
  });

  it('forgets the oldest that have ended and that nobody looked at', async () => {
    const { store, emit } = make({ get: async (id) => ended(id) });
    emit({ type: 'job-created', job: makeJob('000000-live', { tasks: [makeTask('000000-live', 'vm-1')] }) });
    emit({ type: 'job-created', job: ended(number(1)) });
    await store.ensure(number(1));
    for (let n = 2; store.forgotten === 0; n++) {
      expect(n).toBeLessThanOrEqual(JOBS_MAX);
      emit({ type: 'job-created', job: ended(number(n)) });
    }
    expect(store.recent).toHaveLength(JOBS_KEPT);
    expect(store.get('000000-live')?.status).toBe('running');
    expect(store.get(number(1))).toBeDefined();
    expect(store.get(number(2))).toBeUndefined();
    // Somebody looks at others since: then it may go as any.
    for (let n = 0; n < LOOKED_AT_MAX; n++) await store.ensure(`000000-${n}`);
    for (let n = 5000; store.forgotten === 1; n++) emit({ type: 'job-created', job: ended(number(n)) });
    expect(store.get(number(1))).toBeUndefined();
  });

  it('forgets tasks before jobs, and asks the host for them when somebody looks again', async () => {
    const get = vi.fn(async (id: string) => ended(id, 1000));
    const { store, emit } = make({ get });
    const held = () => store.recent.reduce((sum, job) => sum + (store.tasksOf(job.id)?.length ?? 0), 0);
    let most = 0;
    for (let n = 1; n === 1 || store.tasksOf(number(1)); n++) {
      most = held();
      emit({ type: 'job-created', job: ended(number(n), 1000) });
    }
    expect(most).toBeGreaterThan(TASKS_MAX - 1000);
    expect(most).toBeLessThanOrEqual(TASKS_MAX);
    expect(held()).toBeGreaterThan(TASKS_KEPT - 1000);
    expect(held()).toBeLessThanOrEqual(TASKS_KEPT);
    expect(store.get(number(1))).toBeDefined();
    expect(store.tasksOf(number(1))).toBeUndefined();
    expect(store.forgotten).toBe(0);
    await store.ensure(number(1));
    expect(store.tasksOf(number(1))).toHaveLength(1000);
    expect(get).toHaveBeenCalledOnce();
  });
});

describe('jobHistory', () => {
  it('joins pages with what happens meanwhile, each job once', async () => {
    const list = vi.fn(async (_filter: unknown, cursor: string | null) =>
      cursor === null
        ? { items: [makeJob('02'), makeJob('01')], next_cursor: '01' }
        : { items: [makeJob('00')], next_cursor: null }
    );
    const { store, emit } = make();
    const history = createJobHistory({ store, service: { list } as unknown as JobService, now: () => NOW });
    await history.load();
    emit({ type: 'job-created', job: makeJob('03', { tasks: [] }) });
    expect(history.rows.map((job) => job.id)).toEqual(['03', '02', '01']);
    expect(history.rows.find((job) => job.id === '01')?.status).toBe('failed');
    await history.more();
    expect(history.rows.map((job) => job.id)).toEqual(['03', '02', '01', '00']);
    expect(history.hasMore).toBe(false);
  });

  it('filters what it shows and asks the host for what it can filter', async () => {
    const list = vi.fn(async () => ({ items: [], next_cursor: null }));
    const { store } = make();
    const history = createJobHistory({ store, service: { list } as unknown as JobService, now: () => NOW });
    history.setFilter({ status: 'failed' });
    await vi.waitFor(() => expect(history.loading).toBe(false));
    expect(history.rows.map((job) => job.id)).toEqual(['01']);
    history.setFilter({ text: 'nothing like it' });
    expect(history.rows).toEqual([]);
    expect(list).toHaveBeenCalledOnce();
  });

  it('asks for what is not older than wanted, and shows no older one', async () => {
    const list = vi.fn(async () => ({ items: [], next_cursor: null }));
    const { store, emit } = make();
    const history = createJobHistory({ store, service: { list } as unknown as JobService, now: () => NOW + 59 * 60_000 });
    emit({ type: 'job-created', job: makeJob('03', { created_at: '2026-01-01T00:09:30.000Z', tasks: [] }) });
    history.setFilter({ within: '1h' });
    await vi.waitFor(() => expect(history.loading).toBe(false));
    expect(list).toHaveBeenCalledWith(expect.objectContaining({ since: '2026-01-01T00:09:00.000Z' }), null, expect.anything());
    expect(history.rows.map((job) => job.id)).toEqual(['03']);
  });

  it('keeps the reason when the host cannot answer', async () => {
    const { store } = make();
    const failure = new Error('disk full');
    const history = createJobHistory({ store, service: { list: () => Promise.reject(failure) } as unknown as JobService, now: () => NOW });
    await history.load();
    expect(history.error).toBe(failure);
  });
});
