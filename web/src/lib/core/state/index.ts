export { createUiState, LINE_TIMES, UiState, type LineTime, type TerminalLook, type Theme, type UiStateDeps, type VmGrouping } from './uiState.svelte';
export { Account, tokenOf } from './account.svelte';
export { Preferences, type PreferencesDeps } from './preferences.svelte';
export { ConnectionState } from './connection.svelte';
export { messageOf, Toasts, type Toast, type ToastKind } from './toasts.svelte';
export { TickingClock } from './clock.svelte';
export * from './tokens';
