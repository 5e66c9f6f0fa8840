import { afterEach, describe, expect, it, vi } from 'vitest';
import { page } from 'vitest/browser';
import { ApiError, type Plugin } from '$lib/core/clients';
import { Container } from '$lib/core/container';
import { ACCOUNT, CLOCK, Toasts, TOASTS } from '$lib/core/state';
import { clear, harm, HOSTILE, show } from '$lib/test/show';
import type { PluginService } from '../services/PluginService';
import { createPluginDetails } from '../stores/pluginDetails.svelte';
import { OPEN_PLUGIN, PLUGIN_SERVICE } from '../tokens';
import PluginDetail from './PluginDetail.svelte';

afterEach(clear);

const STATS = { calls: 1200, failed: 0, p50_micros: 310, p99_micros: 2100, cpu_micros: 4e5, peak_memory_bytes: 9e6, traps: 0, limit_hits: { time: 2 }, lines: { seen: 5000, changed: 3, annotated: 2, dropped: 1, added: 0 } };

function makePlugin(more: Partial<Plugin> = {}): Plugin {
  return {
    id: 'http-inventory', name: 'HTTP inventory', version: '0.1.0', api: '0.1', provides: ['log-filter'], state: 'blocked', reason: 'wants `http`', generation: 1, digest: 'ab'.repeat(32), origin: 'bundled',
    wants: [{ capability: 'http', reason: 'to ask for machines', optional: false, granted: false }, { capability: 'kv', reason: 'to remember', optional: true, granted: true }],
    grants: [{ grant: 'vms:env=dev', configured: false }, { grant: 'http:a.example', configured: true }],
    ...more
  };
}

function detail(plugin: Plugin, more: Partial<PluginService> = {}, text = '') {
  const line = (words: string) => ({ at: '2026-01-01T00:00:00Z', level: 'warn', text: words });
  const service = {
    stats: async () => STATS,
    log: async () => ({ items: [line('loaded'), ...(text ? [line(text)] : [])] }),
    history: async () => ({ items: [{ at: '2026-01-01T00:00:00Z', state: 'blocked' as const, version: '0.1.0', generation: 1, reason: text || 'wants http' }] }),
    readme: async () => ({ text: `# Hello\n\n${text}\n\n[x](javascript:window.hacked=true)` }),
    grant: vi.fn(async () => plugin),
    revoke: vi.fn(async () => undefined),
    enable: vi.fn(async () => plugin),
    ...more
  } as unknown as PluginService;
  const container = new Container()
    .register(PLUGIN_SERVICE, () => service)
    .register(ACCOUNT, () => ({ mayAdminister: true, mayOperate: true }) as never)
    .register(CLOCK, () => ({ now: Date.parse('2026-01-01T00:01:00Z') }))
    .register(TOASTS, () => new Toasts(() => undefined))
    .register(OPEN_PLUGIN, () => (id) => createPluginDetails(id, { service, mayReadLog: () => true, later: () => () => undefined }));
  const holder = show(PluginDetail, { plugin }, container);
  holder.classList.add('overflow-y-auto');
  return { service, holder };
}

describe('PluginDetail', () => {
  it('shows figures, rights, log and what became of it', async () => {
    detail(makePlugin());
    await expect.element(page.getByRole('region', { name: 'Figures' })).toHaveTextContent(/1,200/);
    await expect.element(page.getByText('2 × limit of time of a call')).toBeVisible();
    await expect.element(page.getByRole('log', { name: 'Log of the plugin' })).toHaveTextContent(/loaded/);
    await expect.element(page.getByRole('list', { name: 'What became of it' })).toHaveTextContent(/Blocked/);
    await expect.element(page.getByRole('heading', { name: 'Hello' })).toBeVisible();
  });

  it('grants what is named, and says at the field what is missing', async () => {
    const { service } = detail(makePlugin());
    await page.getByRole('button', { name: 'Grant http' }).click();
    const dialog = page.getByRole('dialog', { name: /Grant/ });
    await dialog.getByRole('button', { name: 'Grant', exact: true }).click();
    await expect.element(dialog.getByText('Needed, as inventory.example.com.')).toBeVisible();
    expect(service.grant).not.toHaveBeenCalled();
    await dialog.getByRole('textbox', { name: 'Host' }).fill('10.0.0.5:8080');
    await dialog.getByRole('button', { name: 'Grant', exact: true }).click();
    await expect.element(dialog).not.toBeInTheDocument();
    expect(service.grant).toHaveBeenCalledWith('http-inventory', 'http:10.0.0.5:8080');
  });

  it('shows where it happened why the host refused', async () => {
    const refusal = new ApiError(422, 'Invalid', 'a grant is one line', { grant: 'is no host' });
    detail(makePlugin(), { grant: () => Promise.reject(refusal) });
    await page.getByRole('button', { name: 'Grant http' }).click();
    const dialog = page.getByRole('dialog', { name: /Grant/ });
    await dialog.getByRole('textbox', { name: 'Host' }).fill('?');
    await dialog.getByRole('button', { name: 'Grant', exact: true }).click();
    await expect.element(dialog.getByText('is no host')).toBeVisible();
  });

  it('takes back what was granted here, after asking, and nothing of the configuration', async () => {
    const { service } = detail(makePlugin());
    expect(page.getByRole('button', { name: 'Take back http:a.example' }).elements()).toHaveLength(0);
    await page.getByRole('button', { name: 'Take back vms:env=dev' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Take back', exact: true }).click();
    await expect.poll(() => vi.mocked(service.revoke).mock.calls).toEqual([['http-inventory', 'vms:env=dev']]);
  });

  it('asks before a filter is switched off, and says what that means', async () => {
    const { service } = detail(makePlugin({ state: 'active', reason: '' }));
    await page.getByRole('button', { name: 'Switch off' }).click();
    await expect.element(page.getByText(/lines go by without it/)).toBeVisible();
    await page.getByRole('dialog').getByRole('button', { name: 'Switch off' }).click();
    await expect.poll(() => vi.mocked(service.enable).mock.calls).toEqual([['http-inventory', false]]);
  });

  it('shows hostile names, reasons, rights, logs and READMEs as texts', async () => {
    const text = HOSTILE.join('\n\n');
    const { holder } = detail(makePlugin({ name: HOSTILE[0], reason: text, origin: text, wants: [{ capability: text, reason: text, optional: false, granted: false }], grants: [{ grant: text, configured: true }] }), {}, text);
    await expect.element(page.getByRole('heading', { name: 'Hello' })).toBeVisible();
    expect(harm(holder)).toEqual([]);
  });
});
