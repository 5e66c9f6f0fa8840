import { afterEach, describe, expect, it, vi } from 'vitest';
import { page } from 'vitest/browser';
import { makeTemplate } from '$lib/test/fakes';
import { clear, harm, HOSTILE, show } from '$lib/test/show';
import Command from './Command.svelte';

afterEach(clear);

describe('Command', () => {
  it('is chosen by a click and says that it is', async () => {
    const onselect = vi.fn();
    show(Command, { template: makeTemplate('ops/uptime', { title: 'Uptime', dangerous: true }), current: true, onselect });
    const button = page.getByRole('button', { name: /Uptime/ });
    await expect.element(button).toHaveAttribute('aria-current', 'true');
    await expect.element(page.getByLabelText('Asks before it runs')).toBeInTheDocument();
    await button.click();
    expect(onselect).toHaveBeenCalledWith('ops/uptime');
  });

  it('says that it is not meant for the machines that are chosen', async () => {
    show(Command, { template: makeTemplate('ops/uptime', { description: 'How long' }), current: false, fits: false, onselect: () => undefined });
    await expect.element(page.getByText('not meant for all chosen machines')).toBeVisible();
  });

  it('shows hostile template texts as texts', async () => {
    for (const text of HOSTILE) {
      const holder = show(Command, { template: makeTemplate(text, { title: text, description: text, plugin: text }), current: false, onselect: () => undefined });
      await expect.element(page.getByRole('button')).toBeVisible();
      expect(harm(holder)).toEqual([]);
    }
  });
});
