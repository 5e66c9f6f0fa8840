export { keepAddress } from './keepAddress.svelte';
