import type { PluginKind, PluginState } from '$lib/core/clients';

export type { Plugin, PluginGrant, PluginKind, PluginLogLine, PluginState, PluginStats, PluginStep, Want } from '$lib/core/clients';
export * from './grant';

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
  disabled: 'Switched off',
  superseded: 'Replaced'
};
/** What to do about a state, where there is something to do. */
export const STATE_REMEDY: Record<PluginState, string> = {
  discovered: '',
  compiling: '',
  active: '',
  failing: 'It is being restarted. If it goes on failing it will be set aside.',
  quarantined: 'It failed too often and is not called any more. Fix or replace it, or reload it to try again.',
  broken: 'It could not be loaded. Correct its folder; it is read again as soon as a file changes.',
  blocked: 'It wants something that was not granted.',
  disabled: 'Nothing of it is called until it is switched on.',
  superseded: ''
};
/** States that nobody need look at. */
const QUIET: ReadonlySet<PluginState> = new Set(['discovered', 'compiling', 'active', 'disabled']);
export function isTroubled(state: PluginState): boolean {
  return !QUIET.has(state);
}

export const KIND_LABEL: Record<PluginKind, string> = {
  'command-template': 'Commands',
  'log-filter': 'Log filter',
  discovery: 'Discovery'
};
