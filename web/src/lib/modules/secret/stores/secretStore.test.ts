import { describe, expect, it, vi } from 'vitest';
import type { Secret } from '../types';
import { secretNameProblem } from '../types';
import type { SecretService } from '../services/SecretService';
import { createSecretStore } from './secretStore.svelte';

/** A host that keeps names and forgets no value, because it never shows one. */
function make() {
  const kept = new Map<string, string>([['web.sudo', 'x']]);
  const at = '2026-01-01T00:00:00.000Z';
  const service = {
    list: vi.fn(async (): Promise<Secret[]> => [...kept.keys()].map((name) => ({ name, created_at: at, updated_at: at, vms: [] }))),
    set: vi.fn(async (name: string, value: string) => void kept.set(name, value)),
    remove: vi.fn(async (name: string) => void kept.delete(name))
  };
  return { service, store: createSecretStore({ service: service as unknown as SecretService }) };
}

describe('secretStore', () => {
  it('knows names, in order, and no values', async () => {
    const { store } = make();
    expect(store.loaded).toBe(false);
    await store.set('db-2', 'hunter2');
    await store.set('db-10', 'hunter3');
    expect(store.names).toEqual(['db-2', 'db-10', 'web.sudo']);
    expect(JSON.stringify(store.all)).not.toContain('hunter');
  });

  it('forgets what was removed', async () => {
    const { store, service } = make();
    await store.load();
    await store.remove('web.sudo', true);
    expect(service.remove).toHaveBeenCalledWith('web.sudo', true);
    expect(store.names).toEqual([]);
  });

  it('keeps the reason when it may not look', async () => {
    const { store, service } = make();
    const refusal = new Error('Needs the role admin.');
    service.list.mockRejectedValueOnce(refusal);
    await store.load();
    expect(store.error).toBe(refusal);
    expect(store.loaded).toBe(true);
    await store.load();
    expect(store.error).toBeNull();
  });
});

describe('secretNameProblem', () => {
  it('is as strict as the host', () => {
    for (const good of ['db', 'web-1.root', 'A_b', 'x'.repeat(64)]) expect(secretNameProblem(good)).toBe('');
    for (const bad of ['', '-x', '.x', 'a b', 'a/b', 'ä', 'x'.repeat(65)]) expect(secretNameProblem(bad)).not.toBe('');
  });
});
