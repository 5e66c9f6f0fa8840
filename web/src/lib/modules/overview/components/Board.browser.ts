import { SvelteMap } from 'svelte/reactivity';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import { Container } from '$lib/core/container';
import { EventDispatcher } from '$lib/core/events';
import { CLOCK, createUiState, UI_STATE, type Preferences } from '$lib/core/state';
import { COMMAND_STORE, createCommandStore } from '$lib/modules/command';
import { createJobActivity, createJobStore, JOB_ACTIVITY, JOB_STORE, type JobService } from '$lib/modules/job';
import { createPluginStore, PLUGIN_STORE } from '$lib/modules/plugin';
import { createVmStore, VM_STORE } from '$lib/modules/vm';
import { makeJob, makeSnapshot, makeTemplate, makeVm, NO_COUNTS } from '$lib/test/fakes';
import { clear, harm, HOSTILE, show } from '$lib/test/show';
import { createOverviewLayout } from '../stores/overviewLayout.svelte';
import { OVERVIEW_LAYOUT } from '../tokens';
import Board from './Board.svelte';

vi.mock('$app/navigation', () => ({ goto: vi.fn() }));
afterEach(clear);

function board(state: Record<string, unknown> = {}) {
  const dispatcher = new EventDispatcher();
  const ui = createUiState({ storage: null, applyTheme: () => undefined, systemDark: () => true });
  const held = new SvelteMap<string, unknown>();
  const preferences = { get: (name: string) => held.get(name), set: async (name: string, value: unknown) => held.set(name, value) !== undefined };
  const container = new Container()
    .register(UI_STATE, () => ui)
    .register(CLOCK, () => ({ now: Date.parse('2026-01-01T00:01:00Z') }))
    .register(VM_STORE, () => createVmStore({ dispatcher, ui }))
    .register(JOB_STORE, () => createJobStore({ dispatcher, service: {} as JobService }))
    .register(JOB_ACTIVITY, () => createJobActivity({ dispatcher, service: { activity: async () => ({ since: '2026-01-01T00:00:00.000Z', step_seconds: 900, items: [] }) }, now: () => 0, later: () => () => undefined }))
    .register(COMMAND_STORE, () => createCommandStore(dispatcher))
    .register(PLUGIN_STORE, () => createPluginStore(dispatcher))
    .register(OVERVIEW_LAYOUT, () => createOverviewLayout(preferences as unknown as Preferences))
    .makeAll();
  const holder = show(Board, {}, container);
  dispatcher.snapshot('e1', 1, makeSnapshot({ vms: [makeVm('web-1')], jobs: [makeJob('01', { status: 'failed', counts: { ...NO_COUNTS, failed: 1 } })], ...state }));
  return { held, holder };
}

/** The widgets' names, as they stand. */
const order = (holder: HTMLElement) => [...holder.querySelectorAll('[data-widget]')].map((widget) => widget.getAttribute('data-widget'));

describe('Board', () => {
  it('is arranged by the keyboard, and whoever moves something keeps the focus', async () => {
    const { held, holder } = board();
    await page.getByRole('button', { name: 'Arrange' }).click();
    await page.getByRole('button', { name: 'Move Recent jobs up' }).click();
    await expect.element(page.getByRole('button', { name: 'Move Recent jobs up' })).toHaveFocus();
    expect(order(holder).slice(3, 6)).toEqual(['running', 'recent', 'failures']);
    await userEvent.keyboard('{Enter}');
    expect(order(holder).slice(3, 6)).toEqual(['recent', 'running', 'failures']);
    await expect.element(page.getByText('Recent jobs: 1 of 3, wide column')).toBeInTheDocument();
    expect(held.get('overview')).toMatchObject({ wide: ['recent', 'running', 'failures'] });
    await page.getByRole('button', { name: 'Move Fleet to the column before' }).click();
    expect(order(holder).indexOf('fleet')).toBe(6);
  });

  it('hides, brings back, and can be as it was at first', async () => {
    const { holder } = board();
    await page.getByRole('button', { name: 'Arrange' }).click();
    await page.getByRole('button', { name: 'Hide Figures' }).click();
    expect(order(holder)).not.toContain('figures');
    await page.getByRole('button', { name: 'Show Plugins' }).click();
    expect(order(holder).at(-1)).toBe('plugins');
    await page.getByRole('button', { name: 'As at first' }).click();
    await page.getByRole('button', { name: 'Done' }).click();
    await expect.element(page.getByRole('list', { name: 'Figures' })).toBeVisible();
    expect(page.getByRole('list', { name: 'Plugins' }).elements()).toHaveLength(0);
  });

  it('is arranged by dragging', async () => {
    const { holder } = board();
    await page.getByRole('button', { name: 'Arrange' }).click();
    const handle = page.getByText('Recent failures', { exact: true }).first();
    await userEvent.dragAndDrop(handle, page.getByRole('group', { name: 'Running', exact: true }));
    expect(order(holder).slice(3, 6)).toEqual(['failures', 'running', 'recent']);
  });

  it('shows hostile names as texts', async () => {
    const text = HOSTILE.join(' ');
    const { holder } = board({
      vms: [makeVm('a', { name: text, status: 'offline', offered_host_key: text })],
      jobs: [makeJob('01', { status: 'failed', command: { script: text } })],
      templates: [makeTemplate('saved/x', { origin: 'saved', title: text, vm: 'a' })]
    });
    await expect.element(page.getByRole('list', { name: 'Saved commands' })).toBeVisible();
    expect(harm(holder)).toEqual([]);
  });
});
