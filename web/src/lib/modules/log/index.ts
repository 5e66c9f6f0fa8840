export { default as ExportMenu } from './components/ExportMenu.svelte';
export { default as LineText } from './components/LineText.svelte';
export { default as LogViewer } from './components/LogViewer.svelte';
export { default as MergedViewer } from './components/MergedViewer.svelte';
export { LogService } from './services/LogService';
export { SearchService, type SearchQuery } from './services/SearchService';
export { createLogStore, type LogStore } from './stores/logStore.svelte';
export { LOG_STORE } from './tokens';
export { levelOf, LEVELS, type Level } from './types';
