import { describe, expect, it, vi } from 'vitest';
import { makeSnapshot } from '$lib/test/fakes';
import type { ApiClient } from '../clients';
import { EventDispatcher } from '../events';
import { Preferences } from './preferences.svelte';

function make(me: { name: string } | null = { name: 'user:ann' }, put = vi.fn(async () => undefined)) {
  const dispatcher = new EventDispatcher();
  const kept = new Map<string, string>();
  const storage = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value) };
  const account = { me } as never;
  const preferences = new Preferences({ dispatcher, api: { put } as unknown as ApiClient, account, storage });
  dispatcher.snapshot('e1', 1, makeSnapshot({ settings: { 'user:ann/overview': ['a'], 'user:bob/overview': ['b'] } }));
  return { preferences, dispatcher, put, kept };
}

describe('preferences', () => {
  it('are one person’s, as the host keeps them', () => {
    expect(make().preferences.get('overview')).toEqual(['a']);
    expect(make({ name: 'user:bob' }).preferences.get('overview')).toEqual(['b']);
    expect(make({ name: 'user:eve' }).preferences.get('overview')).toBeUndefined();
  });

  it('are seen at once and told to the host under the person’s name', async () => {
    const { preferences, put } = make();
    const told = preferences.set('overview', ['c']);
    expect(preferences.get('overview')).toEqual(['c']);
    expect(await told).toBe(true);
    expect(put).toHaveBeenCalledWith('/api/settings/user%3Aann%2Foverview', { value: ['c'] });
  });

  it('follow what the person chose in another browser', () => {
    const { preferences, dispatcher } = make();
    const change = (value: unknown, seq: number) =>
      dispatcher.events('e1', [{ type: 'setting-changed', key: 'user:ann/overview', value, seq, at: '', actor: '' } as never]);
    change(['d'], 2);
    expect(preferences.get('overview')).toEqual(['d']);
    change(null, 3);
    expect(preferences.get('overview')).toBeUndefined();
  });

  it('stay in the browser when the host does not take them', async () => {
    const { preferences, kept } = make({ name: 'user:eve' }, vi.fn(() => Promise.reject(new Error('403'))));
    expect(await preferences.set('overview', ['e'])).toBe(false);
    expect(preferences.get('overview')).toEqual(['e']);
    expect(kept.get('corral.overview')).toBe('["e"]');
  });

  it('are what the browser remembers until it is known who looks', () => {
    const { preferences, kept } = make(null);
    kept.set('corral.overview', '["f"]');
    expect(preferences.get('overview')).toEqual(['f']);
    kept.set('corral.overview', '{broken');
    expect(preferences.get('overview')).toBeUndefined();
  });
});
