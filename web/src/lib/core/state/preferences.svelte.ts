import { SvelteMap } from 'svelte/reactivity';
import type { ApiClient } from '../clients';
import type { EventDispatcher } from '../events';
import type { Account } from './account.svelte';

export interface PreferencesDeps {
  dispatcher: EventDispatcher;
  api: ApiClient;
  account: Pick<Account, 'me'>;
  storage: Pick<Storage, 'getItem' | 'setItem'> | null;
}

/**
 * What a person arranged for themselves. The host keeps it under their name, so that it is there in every browser; this one remembers it
 * too, for the moment before the host has spoken and for a host that does not take it.
 */
export class Preferences {
  private readonly ofHost = new SvelteMap<string, unknown>();
  private readonly ofBrowser = new SvelteMap<string, unknown>();

  constructor(private readonly deps: PreferencesDeps) {
    const { dispatcher } = deps;
    dispatcher.onSnapshot((state) => {
      this.ofHost.clear();
      for (const [key, value] of Object.entries(state.settings ?? {})) this.ofHost.set(key, value);
    });
    dispatcher.on('setting-changed', ({ key, value }) => {
      if (value === null) this.ofHost.delete(key);
      else this.ofHost.set(key, value);
    });
  }

  /** What was chosen; undefined: nothing was. */
  get(name: string): unknown {
    const own = this.keyOf(name);
    if (own !== null && this.ofHost.has(own)) return this.ofHost.get(own);
    return this.ofBrowser.has(name) ? this.ofBrowser.get(name) : this.read(name);
  }

  /** Shown at once; false if only this browser will remember it. */
  async set(name: string, value: unknown): Promise<boolean> {
    const own = this.keyOf(name);
    this.ofBrowser.set(name, value);
    this.write(name, value);
    if (own === null) return false;
    this.ofHost.set(own, value);
    try {
      await this.deps.api.put(`/api/settings/${encodeURIComponent(own)}`, { value });
      return true;
    } catch {
      return false;
    }
  }

  /** The host's name for it; null while it is not known who looks. */
  private keyOf(name: string): string | null {
    const me = this.deps.account.me;
    return me ? `${me.name}/${name}` : null;
  }

  private read(name: string): unknown {
    try {
      const text = this.deps.storage?.getItem(`corral.${name}`);
      return text ? JSON.parse(text) : undefined;
    } catch {
      return undefined;
    }
  }

  private write(name: string, value: unknown): void {
    try {
      this.deps.storage?.setItem(`corral.${name}`, JSON.stringify(value));
    } catch {
      // A full or forbidden storage only means that the host alone remembers.
    }
  }
}
