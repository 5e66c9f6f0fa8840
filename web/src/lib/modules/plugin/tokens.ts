import { token } from '$lib/core/container';
import type { PluginService } from './services/PluginService';
import type { PluginDetails } from './stores/pluginDetails.svelte';
import type { PluginStore } from './stores/pluginStore.svelte';

export const PLUGIN_STORE = token<PluginStore>('pluginStore');
export const PLUGIN_SERVICE = token<PluginService>('pluginService');
/** Begins to look at a plugin; whoever begins ends it. */
export const OPEN_PLUGIN = token<(id: string) => PluginDetails>('openPlugin');
