import { token } from '../container';
import type { ApiClient, WebSocketClient } from '../clients';
import type { EventDispatcher } from '../events';
import type { Account } from './account.svelte';
import type { ConnectionState } from './connection.svelte';
import type { Preferences } from './preferences.svelte';
import type { Toasts } from './toasts.svelte';
import type { UiState } from './uiState.svelte';

export const UI_STATE = token<UiState>('uiState');
export const CONNECTION = token<ConnectionState>('connection');
export const ACCOUNT = token<Account>('account');
export const TOASTS = token<Toasts>('toasts');
export const PREFERENCES = token<Preferences>('preferences');
export const API_CLIENT = token<ApiClient>('apiClient');
export const SOCKET = token<WebSocketClient>('webSocketClient');
export const DISPATCHER = token<EventDispatcher>('eventDispatcher');
/** A clock that components may read: milliseconds, ticking once a second. */
export const CLOCK = token<{ readonly now: number }>('clock');
