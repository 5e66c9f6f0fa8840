export { default as Dashboard } from './components/Dashboard.svelte';
export { default as ExecutionPanel } from './components/ExecutionPanel.svelte';
export { default as Terminal } from './components/Terminal.svelte';
/** Loaded when it is first opened. */
export const loadPalette = () => import('./components/Palette.svelte');
export { createExecutionStore, type ExecutionStore } from './stores/executionStore.svelte';
export { EXECUTION_STORE } from './tokens';
