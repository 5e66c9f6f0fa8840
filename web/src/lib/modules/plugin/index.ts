export { default as PluginList } from './components/PluginList.svelte';
export { PluginService } from './services/PluginService';
export { createPluginStore, type PluginStore } from './stores/pluginStore.svelte';
export { PLUGIN_SERVICE, PLUGIN_STORE } from './tokens';
export { STATE_LABEL, STATE_TONE, type Plugin } from './types';
