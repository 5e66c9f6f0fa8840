export { default as PluginList } from './components/PluginList.svelte';
/** Loaded when somebody looks at a plugin. */
export const loadPluginDetail = () => import('./components/PluginDetail.svelte');
export { PluginService } from './services/PluginService';
export { createPluginDetails, type PluginDetails } from './stores/pluginDetails.svelte';
export { createPluginStore, type PluginStore } from './stores/pluginStore.svelte';
export { OPEN_PLUGIN, PLUGIN_SERVICE, PLUGIN_STORE } from './tokens';
export { isTroubled, STATE_LABEL, STATE_TONE, type Plugin } from './types';
