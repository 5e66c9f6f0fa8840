import { token } from '$lib/core/container';
import type { VmService } from './services/VmService';
import type { VmStore } from './stores/vmStore.svelte';

export const VM_STORE = token<VmStore>('vmStore');
export const VM_SERVICE = token<VmService>('vmService');
