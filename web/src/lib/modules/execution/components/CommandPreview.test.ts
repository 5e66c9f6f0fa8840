// @vitest-environment jsdom
import { flushSync, mount, unmount } from 'svelte';
import { afterEach, describe, expect, it } from 'vitest';
import { Container } from '$lib/core/container';
import type { Preview } from '$lib/modules/job';
import Provided from '$lib/test/Provided.svelte';
import type { ExecutionStore } from '../stores/executionStore.svelte';
import { EXECUTION_STORE } from '../tokens';
import CommandPreview from './CommandPreview.svelte';

let shown: object | undefined;
afterEach(() => (shown ? unmount(shown) : undefined));

/** Text of the preview of a job on `total` machines, of which the host tells `told`; each runs its own command, or all the same. */
function textOf(total: number, told: number, shell: (i: number) => string = () => 'uptime'): string {
  const items = Array.from({ length: told }, (_, i) => ({
    vm_id: `id-${i}`, vm_name: `web-${i}`, command: { script: shell(i) }, env: {}, workdir: null, shell: shell(i)
  }));
  const preview: Preview = { dry_run: true, command_hash: 'c0ffee', mode: 'durable', total, waves: [], items };
  const execution = { preview, previewProblem: '', missing: '', requestKey: null, targets: [{}] } as unknown as ExecutionStore;
  const container = new Container().register(EXECUTION_STORE, () => execution);
  shown = mount(Provided, { target: document.body, props: { container, component: CommandPreview } });
  flushSync();
  return document.querySelector('[aria-label="Preview"]')?.textContent?.replaceAll(/\s+/g, ' ') ?? '';
}

describe('CommandPreview', () => {
  it('says that only the first of very many machines are shown', () => {
    const text = textOf(2340, 1000);
    expect(text).toContain('The first 1,000 of 2,340 machines are shown; it runs on all.');
    expect(text).toContain('what 2,340 machines will run');
    expect(text).toContain('web-[0-999]');
  });

  it('says nothing of the kind when all are shown', () => {
    const text = textOf(1000, 1000);
    expect(text).toContain('what 1,000 machines will run');
    expect(text).not.toContain('The first');
  });

  it('counts what it leaves out as the least there are, once machines are left out', () => {
    expect(textOf(1001, 1000, (i) => `echo ${i}`)).toContain('and at least 992 other commands');
  });

  it('counts other commands exactly when it knows all', () => {
    expect(textOf(12, 12, (i) => `echo ${i}`)).toContain('# and 4 other commands');
  });
});
