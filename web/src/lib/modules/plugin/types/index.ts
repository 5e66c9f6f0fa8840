import type { PluginKind, PluginState } from '$lib/core/clients';

export type { Plugin, PluginKind, PluginState } from '$lib/core/clients';

export const STATE_TONE: Record<PluginState, 'neutral' | 'accent' | 'ok' | 'warn' | 'bad'> = {
  discovered: 'neutral',
  compiling: 'accent',
  active: 'ok',
  failing: 'warn',
  quarantined: 'bad',
  broken: 'bad',
  blocked: 'warn',
  disabled: 'neutral',
  superseded: 'neutral'
};
export const STATE_LABEL: Record<PluginState, string> = {
  discovered: 'Found',
  compiling: 'Compiling',
  active: 'Active',
  failing: 'Failing',
  quarantined: 'Quarantined',
  broken: 'Broken',
  blocked: 'Blocked',
  disabled: 'Off',
  superseded: 'Superseded'
};
/** What to do about a state, where there is something to do. */
export const STATE_REMEDY: Record<PluginState, string> = {
  discovered: '',
  compiling: '',
  active: '',
  failing: 'It is being restarted. If it goes on failing it will be set aside.',
  quarantined: 'It failed too often and is not called any more. Fix or replace it, or reload it to try again.',
  broken: 'It could not be loaded. Correct its folder; it is read again as soon as a file changes.',
  blocked: 'It wants something that was not granted. Grant it, or remove the plugin.',
  disabled: 'It is switched off, and nothing of it is used.',
  superseded: ''
};
export const KIND_LABEL: Record<PluginKind, string> = {
  'command-template': 'Commands',
  'log-filter': 'Log filter',
  discovery: 'Discovery'
};
