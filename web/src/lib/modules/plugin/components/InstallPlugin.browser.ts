import { afterEach, describe, expect, it, vi } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import { ApiError } from '$lib/core/clients';
import { Container } from '$lib/core/container';
import { Toasts, TOASTS } from '$lib/core/state';
import { clear, show } from '$lib/test/show';
import { PLUGIN_SERVICE } from '../tokens';
import InstallPlugin from './InstallPlugin.svelte';

vi.mock('$app/navigation', () => ({ goto: vi.fn() }));
afterEach(clear);

function dialog(install: (file: Blob) => Promise<unknown>) {
  const onclose = vi.fn();
  const container = new Container().register(TOASTS, () => new Toasts(() => undefined)).register(PLUGIN_SERVICE, () => ({ install }) as never);
  show(InstallPlugin, { open: true, onclose }, container);
  return { onclose };
}

describe('InstallPlugin', () => {
  it('sends the package that was chosen', async () => {
    const install = vi.fn(async () => ({ id: 'mine', name: 'Mine', version: '0.1.0', state: 'active', reason: '' }));
    const { onclose } = dialog(install);
    await page.getByRole('button', { name: 'Install' }).click();
    await expect.element(page.getByText('Choose a package first.')).toBeVisible();
    const file = new File(['bytes'], 'mine-0.1.0.corral');
    await userEvent.upload(page.getByLabelText('Package'), file);
    await expect.element(page.getByText('mine-0.1.0.corral')).toBeVisible();
    await page.getByRole('button', { name: 'Install' }).click();
    await expect.poll(() => onclose.mock.calls.length).toBe(1);
    expect(install).toHaveBeenCalledOnce();
  });

  it('offers what packing a plugin makes', async () => {
    dialog(vi.fn());
    await expect.element(page.getByLabelText('Package')).toHaveAttribute('accept', expect.stringContaining('.corral'));
  });

  it('says where it is why the host refused', async () => {
    dialog(() => Promise.reject(new ApiError(422, 'Invalid', 'plugin.toml: `id` is missing')));
    await userEvent.upload(page.getByLabelText('Package'), new File(['x'], 'x.tar.gz'));
    await page.getByRole('button', { name: 'Install' }).click();
    await expect.element(page.getByText('plugin.toml: `id` is missing')).toBeVisible();
  });
});
