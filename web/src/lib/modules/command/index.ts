export { default as CommandPanel } from './components/CommandPanel.svelte';
export { default as SavedCommands } from './components/SavedCommands.svelte';
/** Loaded when it is first wanted. */
export const loadAddCommandForm = () => import('./components/AddCommandForm.svelte');
export { default as Command } from './components/Command.svelte';
export { CommandService } from './services/CommandService';
export { createCommandStore, type CommandStore } from './stores/commandStore.svelte';
export { COMMAND_SERVICE, COMMAND_STORE } from './tokens';
export { AD_HOC, originLabel, type Draft, type Template } from './types';
