import { token } from '$lib/core/container';
import type { SecretStore } from './stores/secretStore.svelte';

export const SECRET_STORE = token<SecretStore>('secretStore');
