/** Loaded when the overview is looked at. */
export const loadBoard = () => import('./components/Board.svelte');
export { createOverviewLayout, type OverviewLayout } from './stores/overviewLayout.svelte';
export { OVERVIEW_LAYOUT } from './tokens';
