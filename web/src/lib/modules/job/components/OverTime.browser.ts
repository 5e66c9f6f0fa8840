import { afterEach, describe, expect, it, vi } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import { Container } from '$lib/core/container';
import { EventDispatcher } from '$lib/core/events';
import { CLOCK } from '$lib/core/state';
import { makeJob, makeSnapshot, makeTask } from '$lib/test/fakes';
import { clear, harm, HOSTILE, show } from '$lib/test/show';
import type { JobService } from '../services/JobService';
import { createJobRuns } from '../stores/jobRuns.svelte';
import { createJobStore } from '../stores/jobStore.svelte';
import { OPEN_RUNS } from '../tokens';
import type { Job, Task, TaskStatus } from '../types';
import OverTime from './OverTime.svelte';

afterEach(clear);

const NOW = Date.parse('2026-01-02T00:00:00.000Z');
const ago = (hours: number, seconds = 0) => new Date(NOW - hours * 3_600_000 + seconds * 1000).toISOString();
const SIGNS: Record<string, TaskStatus> = { '+': 'succeeded', x: 'failed', '?': 'unknown', '>': 'running' };

/** Runs from a text for each machine, oldest first and an hour apart; a space: it was not in that one. The newest is looked at. */
function overTime(machines: Record<string, string>, { mine = -1, get = undefined as JobService['get'] | undefined } = {}) {
  const names = Object.keys(machines);
  const count = machines[names[0]!]!.length;
  const jobs = Array.from({ length: count }, (_, n): Job => {
    const hours = count - n;
    const tasks = names.flatMap((vm, position): Task[] => {
      const status = SIGNS[machines[vm]![n]!];
      return status ? [makeTask(`run-${n}`, vm, { position, status, exit_code: status === 'failed' ? 3 : 0, started_at: ago(hours), finished_at: status === 'running' ? null : ago(hours, 2.1) })] : [];
    });
    const status = tasks.some((task) => task.status === 'running') ? 'running' : tasks.some((task) => task.status === 'failed') ? 'failed' : 'succeeded';
    return makeJob(`run-${n}`, { status, targets: tasks.map((task) => task.vm_id), created_at: ago(hours), started_at: ago(hours), finished_at: status === 'running' ? null : ago(hours, 4), tasks });
  });
  const dispatcher = new EventDispatcher();
  const service = {
    list: async (_filter: unknown, cursor: string | null) => ({ items: [...jobs].reverse().filter((job) => cursor === null || job.id < cursor).map((job) => ({ ...job, tasks: null })), next_cursor: null }),
    get: get ?? (async (id: string) => jobs.find((job) => job.id === id)!)
  };
  const store = createJobStore({ dispatcher, service: service as unknown as JobService });
  const job = jobs.at(mine)!;
  dispatcher.snapshot('e1', 0, makeSnapshot({ jobs: [job], tasks: job.tasks }));
  let seq = 0;
  const emit = (body: object) => dispatcher.events('e1', [{ seq: ++seq, epoch: 'e1', at: '', actor: 'host', ...body } as never]);
  const onagain = vi.fn();
  const container = new Container()
    .register(CLOCK, () => ({ now: NOW }))
    .register(OPEN_RUNS, () => (each) => createJobRuns(each, { service, store }))
    .makeAll();
  return { holder: show(OverTime, { job, tasks: job.tasks, onagain }, container), onagain, emit, job };
}

const grid = () => page.getByRole('grid', { name: 'Each machine in the last runs' });
const machines = () => grid().getByRole('rowheader').elements().map((each) => each.textContent!.trim());
const cells = () => grid().getByRole('row').elements().slice(1).map((row) => [...row.querySelectorAll('[data-run]')].map((cell) => cell.getAttribute('aria-label')));

describe('OverTime', () => {
  it('has the machine first that always fails, and says so', async () => {
    overTime({ 'web-1': '+++x', 'web-2': '++++', 'db-02': 'x+xx' });
    await expect.element(page.getByRole('status').getByText('db-02 failed in 3 of the last 4 runs, web-1 in 1.')).toBeVisible();
    expect(machines()).toEqual(['db-02', 'web-1', 'web-2']);
    expect(cells()[0]).toEqual([4, 3, 2, 1].map((hours) => `db-02, ${hours} h ago: ${hours === 3 ? 'succeeded' : 'failed, exit 3'}, took 2.1 s`));
  });

  it('leads from a cell to that machine’s lines in that run, and from a run to it', async () => {
    overTime({ 'web-1': '+ x', 'web-2': '+++' });
    await expect.element(grid().getByRole('link', { name: 'web-1, 1 h ago: failed, exit 3, took 2.1 s' })).toHaveAttribute('href', '/jobs/run-2?vm=web-1');
    await expect.element(grid().getByRole('link', { name: '3 h ago: succeeded, 2 machines, took 4.0 s' })).toHaveAttribute('href', '/jobs/run-0?view=over-time');
    await expect.element(grid().getByRole('columnheader', { name: /this run$/ })).toHaveAttribute('aria-current', 'true');
    expect(grid().getByRole('img', { name: 'web-1, 2 h ago: was not in this run' }).elements()).toHaveLength(1);
  });

  it('goes on with the run that is looked at', async () => {
    const { emit, job } = overTime({ 'web-1': '++>', 'web-2': '+++' });
    await expect.element(page.getByText('None of these machines failed in the last 3 runs.')).toBeVisible();
    emit({ type: 'task-updated', job_id: job.id, vm_id: 'web-1', changes: { status: 'failed', exit_code: 9, finished_at: ago(1, 60) } });
    await expect.element(page.getByText('web-1 failed in 1 of the last 3 runs; none of the others did.')).toBeVisible();
    await expect.element(grid().getByRole('link', { name: 'web-1, 1 h ago: failed, exit 9, took 1m 00s' })).toBeVisible();
  });

  it('has one Tab stop, and arrow keys lead through machines and runs', async () => {
    overTime({ 'web-1': 'xx+', 'web-2': '+ +', 'web-3': '+++' });
    await expect.element(grid()).toBeVisible();
    const stops = () => [...grid().element().querySelectorAll<HTMLElement>('[data-run]')].filter((cell) => cell.tabIndex === 0);
    expect(stops().map((cell) => cell.getAttribute('aria-label'))).toEqual(['web-1, 1 h ago: succeeded, took 2.1 s']);
    stops()[0]!.focus();
    await userEvent.keyboard('{ArrowDown}{ArrowLeft}');
    await expect.element(grid().getByRole('img', { name: 'web-2, 2 h ago: was not in this run' })).toHaveFocus();
    await userEvent.keyboard('{ArrowUp}{ArrowUp}{ArrowLeft}');
    await expect.element(grid().getByRole('link', { name: /^3 h ago: failed/ })).toHaveFocus();
    expect(stops()).toHaveLength(1);
    await userEvent.keyboard('{End}');
    await expect.element(grid().getByRole('link', { name: 'web-3, 3 h ago: succeeded, took 2.1 s' })).toHaveFocus();
  });

  it('draws only what is seen of a thousand machines', async () => {
    overTime(Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`vm-${n}`, n === 700 ? '+x' : '++'])));
    await expect.element(page.getByText('vm-700 failed in 1 of the last 2 runs; none of the others did.')).toBeVisible();
    expect(machines()[0]).toBe('vm-700');
    expect(machines().length).toBeLessThan(120);
    grid().element().querySelector<HTMLElement>('[data-row] [data-run][tabindex="0"]')!.focus();
    await userEvent.keyboard('{End}');
    await expect.element(grid().getByRole('link', { name: /^vm-999, 1 h ago/ })).toHaveFocus();
  });

  it('of a job that ran only once says what to do', async () => {
    const { onagain } = overTime({ 'web-1': 'x' });
    await expect.element(page.getByText('It ran only once')).toBeVisible();
    await page.getByRole('button', { name: 'Run it again' }).click();
    expect(onagain).toHaveBeenCalledOnce();
  });

  it('of a run far back leads to the newest', async () => {
    overTime({ 'web-1': 'xx++++++++++++', 'web-2': '++++++++++++++' }, { mine: 1 });
    await expect.element(page.getByText('web-1 failed in each of the 2 runs up to this one; none of the others did.')).toBeVisible();
    await expect.element(page.getByRole('link', { name: 'Show the newest run' })).toHaveAttribute('href', '/jobs/run-13?view=over-time');
  });

  it('says when a run could not be read, and tries again', async () => {
    const get = vi.fn<JobService['get']>(() => Promise.reject(new Error('the host is away')));
    overTime({ 'web-1': '+x', 'web-2': '++' }, { get });
    await expect.element(page.getByRole('alert').getByText('the host is away')).toBeVisible();
    await expect.element(grid().getByRole('img', { name: 'web-1, 2 h ago: not read yet' })).toBeVisible();
    const before = get.mock.calls.length;
    await page.getByRole('button', { name: 'Try again' }).click();
    await vi.waitFor(() => expect(get.mock.calls.length).toBeGreaterThan(before));
  });

  it('shows hostile names as texts', async () => {
    const { holder } = overTime({ [HOSTILE.join(' ')]: 'xx', [HOSTILE[0]!]: '+x' });
    await expect.element(grid()).toBeVisible();
    await expect.element(page.getByText(/failed in each of the last 2 runs/)).toBeVisible();
    expect(harm(holder)).toEqual([]);
  });
});
