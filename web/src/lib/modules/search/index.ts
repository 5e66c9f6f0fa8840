/** Loaded with its screen. */
export const loadSearchScreen = () => import('./components/SearchScreen.svelte');
export { createLogSearch, type LogSearch } from './stores/logSearch.svelte';
export { LOG_SEARCH } from './tokens';
