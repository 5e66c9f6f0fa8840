export { default as LogViewer } from './components/LogViewer.svelte';
export { default as LogView } from './components/LogView.svelte';
export { default as LogToolbar } from './components/LogToolbar.svelte';
export { LogService } from './services/LogService';
export { createLogStore, type LogStore } from './stores/logStore.svelte';
export type { TaskLog } from './stores/taskLog.svelte';
export { MERGED_TASKS_MAX, type MergedLog } from './stores/mergedLog.svelte';
export { LOG_STORE } from './tokens';
export type { LineSource, ShownLine } from './types';
