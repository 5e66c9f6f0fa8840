import type { PluginKind, PluginState } from '$lib/core/clients';

export type { Plugin, PluginKind, PluginState } from '$lib/core/clients';

export const STATE_TONE: Record<PluginState, 'neutral' | 'accent' | 'ok' | 'warn' | 'bad'> = {
  compiling: 'accent',
  active: 'ok',
  failing: 'warn',
  quarantined: 'bad',
  broken: 'bad',
  blocked: 'warn'
};
export const STATE_LABEL: Record<PluginState, string> = {
  compiling: 'Compiling',
  active: 'Active',
  failing: 'Failing',
  quarantined: 'Quarantined',
  broken: 'Broken',
  blocked: 'Blocked'
};
/** What to do about a state, where there is something to do. */
export const STATE_REMEDY: Record<PluginState, string> = {
  compiling: '',
  active: '',
  failing: 'It is being restarted. If it goes on failing it will be set aside.',
  quarantined: 'It failed too often and is not called any more. Fix or replace it, or reload it to try again.',
  broken: 'It could not be loaded. Correct its folder; it is read again as soon as a file changes.',
  blocked: 'It wants something that was not granted.'
};
export const KIND_LABEL: Record<PluginKind, string> = {
  'command-template': 'Commands',
  'log-filter': 'Log filter',
  discovery: 'Discovery'
};
