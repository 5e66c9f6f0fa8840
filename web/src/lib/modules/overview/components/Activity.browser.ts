import { afterEach, describe, expect, it } from 'vitest';
import { page } from 'vitest/browser';
import { Container } from '$lib/core/container';
import { EventDispatcher } from '$lib/core/events';
import { createJobActivity, JOB_ACTIVITY, type Activity as Answer } from '$lib/modules/job';
import { clear, show } from '$lib/test/show';
import Activity from './Activity.svelte';

afterEach(clear);

const SINCE = Date.parse('2026-01-01T10:00:00.000Z');
const QUIET = { queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0, unknown: 0 };

function answer(busy: Partial<typeof QUIET>[]): Answer {
  const items = Array.from({ length: 97 }, (_, n) => ({ at: new Date(SINCE + n * 900_000).toISOString(), ...QUIET, ...busy[n] }));
  return { since: items[0]!.at, step_seconds: 900, items };
}

function chart(activity: () => Promise<Answer>) {
  const deps = { dispatcher: new EventDispatcher(), service: { activity }, now: () => SINCE, later: () => () => undefined };
  return show(Activity, {}, new Container().register(JOB_ACTIVITY, () => createJobActivity(deps)).makeAll());
}

describe('Activity', () => {
  it('says in words what it draws, and leads to the jobs that failed', async () => {
    chart(async () => answer([{ succeeded: 3 }, { succeeded: 1, failed: 2 }]));
    await expect.element(page.getByText('6 jobs in the last 24 hours: 4 succeeded, 2 failed. At most 3 in a quarter of an hour.')).toBeInTheDocument();
    await expect.element(page.getByRole('link', { name: '2 failed' })).toHaveAttribute('href', '/jobs?status=failed&within=24h');
  });

  it('draws a bar as high as its jobs are many', async () => {
    const holder = chart(async () => answer([{ succeeded: 4 }, { succeeded: 1 }, { failed: 1, unknown: 1 }]));
    await expect.element(page.getByRole('link', { name: '1 failed' })).toBeVisible();
    const heights = [...holder.querySelectorAll('[style*="height"]')].map((part) => part.getBoundingClientRect().height);
    expect(heights).toHaveLength(4);
    for (const [at, share] of [1, 0.25, 0.25, 0.25].entries()) expect(heights[at]! / heights[0]!).toBeCloseTo(share, 1);
  });

  it('says that nothing ran, and why nothing is known', async () => {
    chart(async () => answer([]));
    await expect.element(page.getByText('No jobs in the last 24 hours')).toBeVisible();
    chart(() => Promise.reject(new Error('disk full')));
    await expect.element(page.getByText('What ran could not be counted: disk full')).toBeVisible();
  });
});
