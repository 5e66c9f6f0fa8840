export { default as SecretList } from './components/SecretList.svelte';
export { default as SecretSelect } from './components/SecretSelect.svelte';
export { SecretService } from './services/SecretService';
export { createSecretStore, type SecretStore } from './stores/secretStore.svelte';
export { SECRET_STORE } from './tokens';
export type { Secret } from './types';
