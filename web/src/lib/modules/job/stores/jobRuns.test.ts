import { describe, expect, it, vi } from 'vitest';
import { EventDispatcher } from '$lib/core/events';
import { makeJob, makeSnapshot, makeTask } from '$lib/test/fakes';
import type { JobPage } from '$lib/core/clients';
import type { Job, JobListQuery } from '../types';
import type { JobService } from '../services/JobService';
import { AT_ONCE, createJobRuns, isSameThing, LOOKED_AT_MAX, RUNS_MAX } from './jobRuns.svelte';
import { createJobStore } from './jobStore.svelte';

const idOf = (n: number) => `run-${String(n).padStart(3, '0')}`;
const ENDED = { status: 'failed', finished_at: '2026-01-01T00:01:00.000Z' } as const;
const ofTemplate = (n: number, more: Partial<Job> = {}) => makeJob(idOf(n), { ...ENDED, template: { id: 't/check', args: {} }, ...more });
const typed = (n: number, script: string, more: Partial<Job> = {}) => makeJob(idOf(n), { ...ENDED, command: { script }, command_hash: `hash of ${script}`, ...more });
const tasksFor = (job: Job) => ['web-1', 'db-1'].map((vm, position) => makeTask(job.id, vm, { position, status: vm === 'db-1' ? 'failed' : 'succeeded' }));

/** A host with jobs (oldest first) that lists as the real one does, and answers about one job when it is told to. */
function make(jobs: Job[], mine: Job, live: Job[] = []) {
  const dispatcher = new EventDispatcher();
  const asked: { id: string; answer: (job?: Job) => Promise<void>; fail: (cause: unknown) => Promise<void>; signal: AbortSignal }[] = [];
  const settled = async () => {
    for (let turn = 0; turn < 8; turn++) await Promise.resolve();
  };
  const list = vi.fn(async (filter: JobListQuery, cursor: string | null, _signal?: AbortSignal, limit = 50): Promise<JobPage> => {
    const found = [...jobs].reverse().filter((job) => (filter.template === '' || job.template?.id === filter.template) && (cursor === null || job.id < cursor));
    return { items: found.slice(0, limit), next_cursor: null };
  });
  const get = vi.fn((id: string, signal?: AbortSignal) => new Promise<Job>((resolve, reject) => {
    signal!.addEventListener('abort', () => reject(new DOMException('', 'AbortError')));
    const job = jobs.find((each) => each.id === id)!;
    const done = (act: () => void) => (act(), asked.splice(asked.findIndex((each) => each.id === id), 1), settled());
    asked.push({ id, signal: signal!, answer: (answer = { ...job, tasks: tasksFor(job) }) => done(() => resolve(answer)), fail: (cause) => done(() => reject(cause)) });
  }));
  const service = { list, get };
  const store = createJobStore({ dispatcher, service: service as unknown as JobService });
  let seq = 0;
  const snapshot = () => dispatcher.snapshot('e1', seq, makeSnapshot({ jobs: live, tasks: live.flatMap(tasksFor) }));
  const emit = (body: object) => dispatcher.events('e1', [{ seq: ++seq, epoch: 'e1', at: '', actor: 'host', ...body } as never]);
  snapshot();
  const runs = createJobRuns(mine, { service, store });
  const answerAll = async () => {
    while (asked.length > 0) await asked[0]!.answer();
  };
  return { runs, store, list, get, asked, emit, snapshot, settled, answerAll };
}

const shown = (runs: ReturnType<typeof make>['runs']) => runs.runs?.map((run) => run.id);
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => idOf(from + n));

describe('isSameThing', () => {
  it('goes by the template, else by what was typed', () => {
    expect(isSameThing(ofTemplate(1), ofTemplate(2))).toBe(true);
    expect(isSameThing(ofTemplate(1), ofTemplate(2, { template: { id: 't/other', args: {} } }))).toBe(false);
    expect(isSameThing(ofTemplate(1), typed(2, 'uptime'))).toBe(false);
    expect(isSameThing(typed(1, 'uptime'), typed(2, 'uptime', { command_hash: 'on fewer machines' }))).toBe(true);
    expect(isSameThing(typed(1, 'a', { command_hash: 'x' }), typed(2, 'b', { command_hash: 'x' }))).toBe(true);
    expect(isSameThing(typed(1, 'a', { command_hash: '' }), typed(2, 'b', { command_hash: '' }))).toBe(false);
  });
});

describe('jobRuns', () => {
  it('has the last runs of the template, oldest first, each with its tasks', async () => {
    const jobs = Array.from({ length: 25 }, (_, n) => (n % 2 === 0 ? ofTemplate(n) : typed(n, 'uptime')));
    const { runs, list, answerAll, settled } = make(jobs, jobs[24]!);
    void runs.refresh();
    await settled();
    expect(list).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ template: 't/check' }), null, expect.anything(), RUNS_MAX);
    expect(shown(runs)).toEqual([6, 8, 10, 12, 14, 16, 18, 20, 22, 24].map(idOf));
    expect(runs.whole).toBe(false);
    await answerAll();
    expect(runs.whole).toBe(true);
    expect(runs.runs![0]!.byVm!.get('db-1')!.status).toBe('failed');
    expect(runs.newer).toBeNull();
  });

  it('finds runs of a typed command among the newest jobs', async () => {
    const jobs = Array.from({ length: 30 }, (_, n) => typed(n, n % 5 === 0 ? 'df -h' : 'uptime'));
    const { runs, list, settled } = make(jobs, jobs[25]!);
    void runs.refresh();
    await settled();
    expect(list).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ template: '' }), null, expect.anything(), LOOKED_AT_MAX);
    expect(shown(runs)).toEqual([0, 5, 10, 15, 20, 25].map(idOf));
  });

  it('of a job that lies far back has the runs up to it, and names the newest', async () => {
    const jobs = Array.from({ length: 40 }, (_, n) => ofTemplate(n));
    const old = make(jobs, jobs[12]!);
    void old.runs.refresh();
    await old.settled();
    expect(shown(old.runs)).toEqual(numbers(3, 12));
    expect(old.runs.newer).toBe(idOf(39));

    const same = Array.from({ length: 40 }, (_, n) => typed(n, 'uptime'));
    const mine = make(same, same[12]!);
    void mine.runs.refresh();
    await mine.settled();
    expect(shown(mine.runs)).toEqual(numbers(3, 12));
    expect(mine.runs.newer).toBe(idOf(39));
  });

  it('never reads more than two at once, the newest first', async () => {
    const jobs = Array.from({ length: 10 }, (_, n) => ofTemplate(n));
    const { runs, asked, get, settled } = make(jobs, jobs[9]!);
    void runs.refresh();
    await settled();
    for (let read = 0; read < 10; read++) {
      expect(asked.length).toBe(Math.min(AT_ONCE, 10 - read));
      await asked[0]!.answer();
    }
    expect(get.mock.calls.map(([id]) => id)).toEqual(numbers(0, 9).reverse());
    expect(runs.whole).toBe(true);
  });

  it('takes what goes on from the store, and asks nothing about it', async () => {
    const live = ofTemplate(1, { status: 'running', finished_at: null });
    const { runs, get, emit, answerAll, settled } = make([ofTemplate(0), live], live, [live]);
    void runs.refresh();
    await settled();
    await answerAll();
    expect(get.mock.calls.map(([id]) => id)).toEqual([idOf(0)]);
    const mine = runs.runs!.at(-1)!;
    emit({ type: 'task-updated', job_id: live.id, vm_id: 'web-1', changes: { status: 'failed', exit_code: 4 } });
    emit({ type: 'job-updated', job_id: live.id, changes: { status: 'failed' } });
    expect(mine.byVm!.get('web-1')!.exit_code).toBe(4);
    expect(mine.job.status).toBe('failed');
  });

  it('hears of another run, and reads again only what has changed', async () => {
    const jobs = [ofTemplate(0), ofTemplate(1)];
    const { runs, get, emit, answerAll, settled } = make(jobs, jobs[1]!);
    void runs.refresh();
    await settled();
    await answerAll();
    const before = runs.heard;
    emit({ type: 'job-created', job: typed(2, 'uptime', { tasks: [] }) });
    expect(runs.heard).toBe(before);
    jobs.push(ofTemplate(3, { status: 'running', finished_at: null }));
    emit({ type: 'job-created', job: { ...jobs[2]!, tasks: tasksFor(jobs[2]!) } });
    expect(runs.heard).not.toBe(before);
    jobs[0] = { ...jobs[0]!, finished_at: '2026-01-03T00:00:00.000Z' };
    get.mockClear();
    void runs.refresh();
    await settled();
    expect(shown(runs)).toEqual([0, 1, 3].map(idOf));
    expect(runs.runs![1]!.byVm).not.toBeNull();
    expect(get.mock.calls.map(([id]) => id)).toEqual([idOf(0)]);
  });

  it('reads what only the store knew when that begins anew', async () => {
    const live = [ofTemplate(1, { status: 'running', finished_at: null })];
    const { runs, get, snapshot, settled } = make([ofTemplate(0), live[0]!], live[0]!, live);
    const before = runs.heard;
    live.length = 0;
    snapshot();
    expect(runs.heard).not.toBe(before);
    void runs.refresh();
    await settled();
    expect(get.mock.calls.map(([id]) => id)).toEqual([idOf(1), idOf(0)]);
  });

  it('takes all back when one leaves', async () => {
    const jobs = [ofTemplate(0), ofTemplate(1), ofTemplate(2)];
    const { runs, asked, get, settled } = make(jobs, jobs[2]!);
    void runs.refresh();
    await settled();
    const signals = asked.map((each) => each.signal);
    runs.close();
    await settled();
    expect(signals.map((signal) => signal.aborted)).toEqual([true, true]);
    expect(get).toHaveBeenCalledTimes(AT_ONCE);
    expect(runs.error).toBeNull();
  });

  it('says what could not be read, keeps the rest, and tries again', async () => {
    const jobs = [ofTemplate(0), ofTemplate(1), ofTemplate(2)];
    const { runs, asked, get, answerAll, settled } = make(jobs, jobs[2]!);
    void runs.refresh();
    await settled();
    await asked.find((each) => each.id === idOf(2))!.answer();
    await asked.find((each) => each.id === idOf(1))!.fail(new Error('gone'));
    expect(String(runs.error)).toContain('gone');
    expect(runs.runs!.map((run) => run.byVm !== null)).toEqual([false, false, true]);
    asked.length = 0;
    get.mockClear();
    void runs.refresh();
    await settled();
    await answerAll();
    expect(get.mock.calls.map(([id]) => id)).toEqual([idOf(1), idOf(0)]);
    expect(runs.error).toBeNull();
    expect(runs.whole).toBe(true);
  });
});
