import { flushSync } from 'svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Container } from '$lib/core/container';
import { EventDispatcher } from '$lib/core/events';
import { createUiState } from '$lib/core/state';
import { AD_HOC, createCommandStore } from '$lib/modules/command';
import { createJobStore, type JobService } from '$lib/modules/job';
import { createVmStore } from '$lib/modules/vm';
import { makeSnapshot, makeVm } from '$lib/test/fakes';
import { clear, show } from '$lib/test/show';
import { createExecutionStore } from '../stores/executionStore.svelte';
import { EXECUTION_STORE } from '../tokens';
import CommandPreview from './CommandPreview.svelte';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  clear();
  vi.useRealTimers();
});

describe('CommandPreview', () => {
  it('is asked for although something is heard of the chosen machines all the time', () => {
    const dispatcher = new EventDispatcher();
    const ui = createUiState({ storage: null, applyTheme: () => undefined, systemDark: () => true });
    const preview = vi.fn(() => new Promise<never>(() => undefined));
    const jobService = { preview } as unknown as JobService;
    const [vms, commands, jobs] = [createVmStore({ dispatcher, ui }), createCommandStore(dispatcher), createJobStore({ dispatcher, service: jobService })];
    const execution = createExecutionStore({ ui, vms, commands, jobs, jobService });
    dispatcher.snapshot('e1', 1, makeSnapshot({ vms: [makeVm('a'), makeVm('b')] }));
    ui.selectedTemplateId = AD_HOC;
    ui.selectVms(['a', 'b']);
    execution.script = 'uptime';
    show(CommandPreview, {}, new Container().register(EXECUTION_STORE, () => execution).makeAll());
    flushSync();
    for (let n = 0; n < 20; n++) {
      dispatcher.events('e1', [{ seq: 2 + n, epoch: 'e1', at: '', actor: 'host', type: 'vm-status-changed', id: 'a', status: 'online', latency_ms: n, message: '', checked_at: null, offered_host_key: null }]);
      flushSync();
      vi.advanceTimersByTime(50);
    }
    expect(preview).toHaveBeenCalledOnce();
    // What was typed since is asked for by itself.
    execution.script = 'uptime -p';
    flushSync();
    vi.advanceTimersByTime(1000);
    expect(preview).toHaveBeenCalledTimes(2);
  });
});
