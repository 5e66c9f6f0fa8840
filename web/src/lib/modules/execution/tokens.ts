import { token } from '$lib/core/container';
import type { ExecutionStore } from './stores/executionStore.svelte';

export const EXECUTION_STORE = token<ExecutionStore>('executionStore');
