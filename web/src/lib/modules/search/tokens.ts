import { token } from '$lib/core/container';
import type { LogSearch } from './stores/logSearch.svelte';

export const LOG_SEARCH = token<LogSearch>('logSearch');
