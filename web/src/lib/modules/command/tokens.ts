import { token } from '$lib/core/container';
import type { CommandService } from './services/CommandService';
import type { CommandStore } from './stores/commandStore.svelte';

export const COMMAND_STORE = token<CommandStore>('commandStore');
export const COMMAND_SERVICE = token<CommandService>('commandService');
