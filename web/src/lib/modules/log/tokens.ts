import { token } from '$lib/core/container';
import type { LogStore } from './stores/logStore.svelte';

export const LOG_STORE = token<LogStore>('logStore');
