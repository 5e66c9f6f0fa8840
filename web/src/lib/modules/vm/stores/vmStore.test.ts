import { describe, expect, it } from 'vitest';
import { EventDispatcher } from '$lib/core/events';
import { createUiState } from '$lib/core/state';
import { makeSnapshot, makeVm } from '$lib/test/fakes';
import { createVmStore, groupVms } from './vmStore.svelte';

function make() {
  const dispatcher = new EventDispatcher();
  const ui = createUiState({ storage: null, applyTheme: () => undefined, systemDark: () => true });
  const store = createVmStore({ dispatcher, ui });
  const vms = [
    makeVm('w10', { name: 'web-10', labels: { env: 'prod' } }),
    makeVm('w2', { name: 'web-2', labels: { env: 'prod' }, status: 'offline' }),
    makeVm('d1', { name: 'db-1', status: 'unknown' })
  ];
  dispatcher.snapshot('e1', 10, makeSnapshot({ vms, sources: ['ssh-config'] }));
  let seq = 10;
  const emit = (body: object) => dispatcher.events('e1', [{ seq: ++seq, epoch: 'e1', at: '', actor: 'host', ...body } as never]);
  return { store, ui, emit, dispatcher };
}

describe('vmStore', () => {
  it('mirrors the snapshot, in the order in which people read names', () => {
    const { store } = make();
    expect(store.all.map((vm) => vm.name)).toEqual(['db-1', 'web-2', 'web-10']);
    expect([store.online.length, store.offline.length, store.unchecked.length]).toEqual([1, 1, 1]);
    expect(store.sources).toEqual(['ssh-config']);
  });

  it('follows events', () => {
    const { store, emit, ui } = make();
    emit({ type: 'vm-status-changed', id: 'w2', status: 'online', latency_ms: 9, message: '', checked_at: null, offered_host_key: null });
    expect(store.get('w2')).toMatchObject({ status: 'online', latency_ms: 9, name: 'web-2' });
    ui.toggleVm('d1');
    emit({ type: 'vm-removed', id: 'd1' });
    expect(store.get('d1')).toBeUndefined();
    expect(ui.selectedVmIds.size).toBe(0);
    emit({ type: 'vm-added', vm: makeVm('new', { name: 'a' }) });
    expect(store.all[0]?.id).toBe('new');
  });

  it('takes over what a machine told of itself, and keeps it when its status changes', () => {
    const { store, emit } = make();
    const facts = { os: 'Debian GNU/Linux 13 (trixie)', kernel: 'Linux 6.12.41', arch: 'x86_64', cpus: 4, memory_bytes: 8e9, disk_bytes: 1e11, disk_free_bytes: 4e10, uptime_seconds: 60, load_1: 0.4, gathered_at: '2026-01-01T00:00:00.000Z' };
    emit({ type: 'vm-facts-changed', id: 'd1', facts });
    emit({ type: 'vm-facts-changed', id: 'nobody', facts });
    emit({ type: 'vm-status-changed', id: 'd1', status: 'online', latency_ms: 2, message: '', checked_at: null, offered_host_key: null });
    expect(store.get('d1')).toMatchObject({ facts, status: 'online' });
    expect(store.get('nobody')).toBeUndefined();
  });

  it('drops what a later snapshot no longer has', () => {
    const { store, dispatcher, ui } = make();
    ui.selectVms(['w2', 'w10']);
    dispatcher.snapshot('e1', 50, makeSnapshot({ vms: [makeVm('w2', { name: 'web-2' })] }));
    expect(store.all).toHaveLength(1);
    expect([...ui.selectedVmIds]).toEqual(['w2']);
  });

  it('finds by words and by selector, and says what is wrong with one', () => {
    const { store } = make();
    expect(store.find('web -10').vms.map((vm) => vm.id)).toEqual(['w10']);
    expect(store.find('env=prod,!web-2').vms.map((vm) => vm.id)).toEqual(['w10']);
    expect(store.find('env=prod,').problem).toContain('empty');
  });

  it('groups by a label, those without it last', () => {
    const { store } = make();
    expect(groupVms(store.all, 'env').map((group) => [group.label, group.vms.length])).toEqual([['prod', 2], ['no env', 1]]);
  });
});
