export { default as AppShell } from './AppShell.svelte';
export { default as ConnectionStatus } from './ConnectionStatus.svelte';
export { default as Logo } from './Logo.svelte';
export { default as Page } from './Page.svelte';
export { default as SignIn } from './SignIn.svelte';
export { default as ThemeToggle } from './ThemeToggle.svelte';
