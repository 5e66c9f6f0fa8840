import { token } from '$lib/core/container';
import type { PluginService } from './services/PluginService';
import type { PluginStore } from './stores/pluginStore.svelte';

export const PLUGIN_STORE = token<PluginStore>('pluginStore');
export const PLUGIN_SERVICE = token<PluginService>('pluginService');
