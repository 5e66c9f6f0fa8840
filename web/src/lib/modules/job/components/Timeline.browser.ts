import { afterEach, describe, expect, it, vi } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import { Container } from '$lib/core/container';
import { CLOCK } from '$lib/core/state';
import { makeJob, makeTask } from '$lib/test/fakes';
import { clear, harm, HOSTILE, show } from '$lib/test/show';
import type { Job, Task } from '../types';
import Timeline from './Timeline.svelte';

afterEach(clear);

const BEGIN = Date.parse('2026-01-01T00:00:00.000Z');
const at = (seconds: number) => new Date(BEGIN + seconds * 1000).toISOString();

function timeline(job: Partial<Job>, tasks: Task[]) {
  const onselect = vi.fn();
  const container = new Container().register(CLOCK, () => ({ now: BEGIN + 20_000 })).makeAll();
  const whole = makeJob('01', { targets: tasks.map((task) => task.vm_id), started_at: at(0), ...job });
  return { holder: show(Timeline, { job: whole, tasks, onselect }, container), onselect };
}

/** Machines of which one failed, one was slow, one is at work and one waits. */
function mixed(job: Partial<Job> = {}) {
  return timeline(job, [
    makeTask('01', 'web-1', { position: 0, status: 'succeeded', exit_code: 0, started_at: at(0), finished_at: at(3.4) }),
    makeTask('01', 'web-2', { position: 1, status: 'succeeded', exit_code: 0, started_at: at(2.1), finished_at: at(14.1) }),
    makeTask('01', 'db-1', { position: 2, status: 'failed', exit_code: 7, started_at: at(4), finished_at: at(9) }),
    makeTask('01', 'db-2', { position: 3, status: 'running', started_at: at(14) }),
    makeTask('01', 'db-3', { position: 4, status: 'queued' })
  ]);
}

function many(count: number) {
  return timeline({ status: 'succeeded', finished_at: at(20) }, Array.from({ length: count }, (_, n) => makeTask('01', `vm-${n}`, { position: n, status: 'succeeded', started_at: at(0), finished_at: at(1 + (n % 19)) })));
}

const list = () => page.getByRole('list', { name: 'When each machine was at work' });
const said = () => list().getByRole('button').elements().map((button) => button.querySelector('.sr-only')!.textContent);
const names = () => said().map((text) => text.split(':')[0]);
const ORDER = { name: 'Order of the machines' };

describe('Timeline', () => {
  it('says of each machine when it began and how long it took', async () => {
    mixed();
    await expect.element(list()).toBeVisible();
    expect(said()).toEqual([
      'web-1: succeeded, began after <1 ms, took 3.4 s',
      'web-2: succeeded, began after 2.1 s, took 12 s',
      'db-1: failed, exit 7, began after 4.0 s, took 5.0 s',
      'db-2: running, began after 14 s, at work for 6.0 s',
      'db-3: queued, waits for 20 s'
    ]);
    await expect.element(page.getByText('Half took 5.0 s or less; the slowest, web-2, took 12 s.')).toBeVisible();
  });

  it('puts the slowest or those in trouble first', async () => {
    mixed();
    await page.getByRole('combobox', ORDER).selectOptions('Slowest first');
    expect(names()).toEqual(['web-2', 'db-2', 'db-1', 'web-1', 'db-3']);
    await page.getByRole('combobox', ORDER).selectOptions('Trouble first');
    expect(names()[0]).toBe('db-1');
    await page.getByRole('combobox', ORDER).selectOptions('In the job’s order');
    expect(names()[0]).toBe('web-1');
  });

  it('names the waves, in the job’s own order only', async () => {
    mixed({ canary: 1, batch: { size: 2 } });
    const items = () => list().getByRole('listitem').elements().map((item) => item.textContent!.trim());
    expect(items()[0]).toMatch(/^Canary/);
    expect(items()[2]).toMatch(/^Batch 1 of 2.*2 of 2 done.*1 not well/);
    await page.getByRole('combobox', ORDER).selectOptions('Trouble first');
    expect(items()).toHaveLength(5);
  });

  it('says where now is while the job is at work, and not after', async () => {
    mixed();
    await expect.element(page.getByText('now', { exact: true })).toBeVisible();
    many(3);
    await expect.element(list()).toBeVisible();
    expect(page.getByText('now', { exact: true }).elements()).toHaveLength(0);
  });

  it('draws bars in proportion on one axis, each where its task lies', async () => {
    mixed({ status: 'failed', finished_at: at(20) });
    await expect.element(list()).toBeVisible();
    const bar = (name: RegExp) => list().getByRole('button', { name }).element().querySelector('.rounded-sm')!.getBoundingClientRect();
    const [first, slow, failed] = [bar(/^web-1/), bar(/^web-2/), bar(/^db-1/)];
    expect(slow.width / first.width).toBeCloseTo(12 / 3.4, 1);
    expect((failed.left - first.left) / first.width).toBeCloseTo(4 / 3.4, 1);
  });

  it('leads to a machine’s lines by click and by Enter, and is walked through by arrow keys', async () => {
    const { onselect } = mixed({ canary: 1 });
    await list().getByRole('button', { name: /^db-1/ }).click();
    expect(onselect).toHaveBeenLastCalledWith('db-1');
    const first = list().getByRole('button', { name: /^web-1/ }).element() as HTMLElement;
    first.focus();
    await userEvent.keyboard('{ArrowDown}{ArrowDown}{ArrowUp}');
    await expect.element(list().getByRole('button', { name: /^web-2/ })).toHaveFocus();
    await userEvent.keyboard('{Enter}');
    expect(onselect).toHaveBeenLastCalledWith('web-2');
    expect(list().getByRole('button').elements().filter((button) => (button as HTMLElement).tabIndex === 0)).toHaveLength(1);
  });

  it('draws only what is seen of a thousand machines, and gets to the last one by End', async () => {
    many(1000);
    await expect.element(list()).toBeVisible();
    expect(list().getByRole('button').elements().length).toBeLessThan(120);
    (list().getByRole('button', { name: /^vm-0:/ }).element() as HTMLElement).focus();
    await userEvent.keyboard('{End}');
    await expect.element(list().getByRole('button', { name: /^vm-999:/ })).toHaveFocus();
    await userEvent.keyboard('{ArrowUp}');
    await expect.element(list().getByRole('button', { name: /^vm-998:/ })).toHaveFocus();
    await userEvent.keyboard('{Home}');
    await expect.element(list().getByRole('button', { name: /^vm-0:/ })).toHaveFocus();
  });

  it('shows hostile names as texts', async () => {
    const text = HOSTILE.join(' ');
    const { holder } = timeline({}, [makeTask('01', 'a', { vm_name: text, status: 'failed', message: text, started_at: at(0), finished_at: at(1) }), makeTask('01', 'b', { vm_name: text, status: 'failed', started_at: at(0), finished_at: at(2) })]);
    await expect.element(list()).toBeVisible();
    await expect.element(page.getByText(/^Half took/)).toBeVisible();
    expect(harm(holder)).toEqual([]);
  });
});
