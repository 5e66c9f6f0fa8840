import { token } from '$lib/core/container';
import type { OverviewLayout } from './stores/overviewLayout.svelte';

export const OVERVIEW_LAYOUT = token<OverviewLayout>('overviewLayout');
