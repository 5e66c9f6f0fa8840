import { SvelteMap } from 'svelte/reactivity';
import type { Plugin } from '$lib/core/clients';
import type { EventDispatcher } from '$lib/core/events';
import { byName } from '$lib/shared/utils';
import { isTroubled } from '../types';

/** Plugins and how they fare. */
export class PluginStore {
  readonly byId = new SvelteMap<string, Plugin>();
  loaded = $state(false);

  all = $derived([...this.byId.values()].sort(byName));
  troubled = $derived(this.all.filter((plugin) => isTroubled(plugin.state)));

  constructor(dispatcher: EventDispatcher) {
    dispatcher.onSnapshot((state) => {
      this.byId.clear();
      for (const plugin of state.plugins) this.byId.set(plugin.id, plugin);
      this.loaded = true;
    });
    dispatcher.on('plugin-loaded', ({ plugin }) => this.byId.set(plugin.id, plugin));
    dispatcher.on('plugin-failed', ({ plugin }) => this.byId.set(plugin.id, plugin));
    dispatcher.on('plugin-removed', ({ id }) => this.byId.delete(id));
  }

  get(id: string | null | undefined): Plugin | undefined {
    return id ? this.byId.get(id) : undefined;
  }
}

export function createPluginStore(dispatcher: EventDispatcher): PluginStore {
  return new PluginStore(dispatcher);
}
