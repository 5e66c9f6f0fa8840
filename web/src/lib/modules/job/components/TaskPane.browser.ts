import { afterEach, describe, expect, it, vi } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import { Container } from '$lib/core/container';
import { CLOCK, TOASTS } from '$lib/core/state';
import { makeJob, makeTask, NO_COUNTS } from '$lib/test/fakes';
import { clear, harm, HOSTILE, show } from '$lib/test/show';
import { JOB_SERVICE } from '../tokens';
import type { Job, Task } from '../types';
import TaskPane from './TaskPane.svelte';

afterEach(clear);

function pane(job: Job, tasks: Task[]) {
  const onselect = vi.fn();
  const container = new Container()
    .register(CLOCK, () => ({ now: Date.parse('2026-01-01T00:01:00Z') }))
    .register(JOB_SERVICE, () => ({}))
    .register(TOASTS, () => ({}))
    .makeAll();
  return { holder: show(TaskPane, { job, tasks, current: null, onselect }, container), onselect };
}

/** Twelve machines: one failed, one runs, the others went well. */
function mixed() {
  const tasks = Array.from({ length: 12 }, (_, n) =>
    makeTask('01', `web-${n + 1}`, { position: n, status: n === 3 ? 'failed' : n === 4 ? 'running' : 'succeeded', exit_code: n === 3 ? 7 : 0, started_at: '2026-01-01T00:00:00.000Z' })
  );
  return pane(makeJob('01', { counts: { ...NO_COUNTS, succeeded: 10, failed: 1, running: 1 }, started_at: '2026-01-01T00:00:00.000Z' }), tasks);
}

const machines = () => page.getByRole('row').elements().slice(1).map((row) => row.querySelector('button')?.textContent);

describe('TaskPane', () => {
  it('shows only the machines that fared so, and all again', async () => {
    mixed();
    await expect.element(page.getByRole('button', { name: 'web-1', exact: true })).toBeVisible();
    const failed = page.getByRole('group', { name: 'Only those that are' }).getByRole('button', { name: '1 failed' });
    await failed.click();
    expect(machines()).toEqual(['web-4']);
    await expect.element(failed).toHaveAttribute('aria-pressed', 'true');
    await failed.click();
    expect(machines()).toHaveLength(12);
  });

  it('finds a machine by its name, and says when none fits', async () => {
    mixed();
    await page.getByRole('searchbox', { name: 'Find a machine' }).fill('web-12');
    expect(machines()).toEqual(['web-12']);
    await page.getByRole('searchbox', { name: 'Find a machine' }).fill('db-9');
    await page.getByRole('button', { name: 'Show all' }).click();
    expect(machines()).toHaveLength(12);
  });

  it('asks for nothing where all is seen at once', async () => {
    pane(makeJob('01', { counts: { ...NO_COUNTS, succeeded: 2 } }), [makeTask('01', 'a', { status: 'succeeded' }), makeTask('01', 'b', { status: 'succeeded' })]);
    await expect.element(page.getByRole('button', { name: 'a', exact: true })).toBeVisible();
    expect(page.getByRole('searchbox').elements()).toEqual([]);
    expect(page.getByRole('group', { name: 'Only those that are' }).elements()).toEqual([]);
  });

  it('chooses a machine by the keyboard', async () => {
    const { onselect } = mixed();
    page.getByRole('button', { name: 'web-3', exact: true }).element().focus();
    await userEvent.keyboard('{Enter}');
    expect(onselect).toHaveBeenCalledWith('web-3');
  });

  it('shows hostile names and messages as texts', async () => {
    const text = HOSTILE.join(' ');
    const { holder } = pane(makeJob('01', { counts: { ...NO_COUNTS, failed: 1 } }), [makeTask('01', 'a', { vm_name: text, status: 'failed', message: text })]);
    await expect.element(page.getByRole('table')).toBeVisible();
    expect(harm(holder)).toEqual([]);
  });
});
