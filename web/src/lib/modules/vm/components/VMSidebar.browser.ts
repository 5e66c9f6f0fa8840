import { afterEach, describe, expect, it } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import { Container } from '$lib/core/container';
import { EventDispatcher } from '$lib/core/events';
import { createUiState, UI_STATE } from '$lib/core/state';
import { makeSnapshot, makeVm } from '$lib/test/fakes';
import { clear, harm, HOSTILE, show } from '$lib/test/show';
import { createVmStore } from '../stores/vmStore.svelte';
import { VM_STORE } from '../tokens';
import VMSidebar from './VMSidebar.svelte';

afterEach(clear);

function sidebar(vms: ReturnType<typeof makeVm>[]) {
  const dispatcher = new EventDispatcher();
  const ui = createUiState({ storage: null, applyTheme: () => undefined, systemDark: () => true });
  const store = createVmStore({ dispatcher, ui });
  dispatcher.snapshot('e1', 1, makeSnapshot({ vms }));
  const container = new Container().register(UI_STATE, () => ui).register(VM_STORE, () => store);
  return { ui, holder: show(VMSidebar, {}, container) };
}

const fleet = (count: number) => Array.from({ length: count }, (_, i) => makeVm(`web-${i}`, { labels: { role: i % 2 ? 'db' : 'web' } }));

describe('VMSidebar', () => {
  it('draws what is seen of a thousand machines, and chooses all of them', async () => {
    const { ui, holder } = sidebar(fleet(1000));
    const drawn = () => holder.querySelectorAll('[data-vm]').length;
    await expect.element(page.getByRole('checkbox', { name: 'web-0, online' })).toBeVisible();
    expect(drawn()).toBeLessThan(80);
    const list = page.getByRole('group', { name: 'Machines to run on' }).element();
    list.scrollTop = list.scrollHeight;
    await expect.element(page.getByRole('checkbox', { name: 'web-999, online' })).toBeVisible();
    expect(drawn()).toBeLessThan(80);
    await page.getByRole('checkbox', { name: 'Choose all machines' }).click();
    expect(ui.selectedVmIds.size).toBe(1000);
    await expect.element(page.getByText('1,000 chosen')).toBeVisible();
  });

  it('goes from machine to machine by the keyboard, beyond what was drawn', async () => {
    sidebar(fleet(1000));
    await page.getByRole('searchbox', { name: 'Search machines or write a selector' }).click();
    for (let i = 0; i < 60; i++) await userEvent.keyboard('{ArrowDown}');
    await expect.element(page.getByRole('checkbox', { name: 'web-59, online' })).toHaveFocus();
    await userEvent.keyboard(' ');
    await expect.element(page.getByRole('checkbox', { name: 'web-59, online' })).toBeChecked();
  });

  it('chooses what a selector finds, and says what is wrong with one', async () => {
    const { ui } = sidebar(fleet(20));
    const search = page.getByRole('searchbox', { name: 'Search machines or write a selector' });
    await search.fill('role=db');
    await page.getByRole('checkbox', { name: 'Choose all that were found' }).click();
    expect([...ui.selectedVmIds].every((id) => Number(id.split('-')[1]) % 2 === 1)).toBe(true);
    expect(ui.selectedVmIds.size).toBe(10);
    await search.fill('role=web,');
    await expect.element(page.getByRole('alert')).toBeVisible();
  });

  it('shows hostile names as the texts that they are', async () => {
    const { holder } = sidebar(HOSTILE.map((text, i) => makeVm(`vm-${i}`, { name: text, message: text, labels: { [text]: text } })));
    await expect.element(page.getByRole('checkbox', { name: `${HOSTILE[0]}, online` })).toBeVisible();
    expect(harm(holder)).toEqual([]);
  });
});
