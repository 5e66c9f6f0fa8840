import type { Vm, VmStatus } from '$lib/core/clients';

export type { Auth, AuthKind, Discovered, DiscoveryResult, Facts, HostKey, Imported, Probe, ProbeStep, Vm, VmInput, VmOptions, VmStatus } from '$lib/core/clients';

export * from './condition';

export const STATUS_TONE = { online: 'ok', offline: 'bad', unknown: 'neutral' } as const satisfies Record<VmStatus, string>;
export const STATUS_LABEL: Record<VmStatus, string> = { online: 'Online', offline: 'Unreachable', unknown: 'Not checked' };

/** `deploy@10.0.0.4:2222`, leaving out what goes without saying. */
export function endpointOf(vm: Pick<Vm, 'transport' | 'user' | 'address' | 'port'>): string {
  if (vm.transport === 'local') return 'this machine';
  const host = vm.address.includes(':') && vm.port !== 22 ? `[${vm.address}]` : vm.address;
  return `${vm.user ? `${vm.user}@` : ''}${host}${vm.port === 22 ? '' : `:${vm.port}`}`;
}

/** How connections to a VM differ from the usual, in words; empty if they do not. */
export function optionsText({ options }: Pick<Vm, 'options'>): string {
  const { keepalive_seconds, password_secret, ...algorithms } = options ?? {};
  const lists = Object.entries(algorithms).filter(([, names]) => names && names.length > 0);
  return [
    keepalive_seconds ? `sign of life every ${keepalive_seconds} s` : '',
    password_secret ? `password ${password_secret} as well` : '',
    ...lists.map(([kind, names]) => `${kind.replaceAll('_', ' ')}: ${names?.join(', ')}`)
  ]
    .filter(Boolean)
    .join('; ');
}

export interface VmGroup {
  key: string;
  label: string;
  vms: Vm[];
}
