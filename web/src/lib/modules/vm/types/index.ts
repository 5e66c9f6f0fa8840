import type { Vm, VmStatus } from '$lib/core/clients';

export type { Auth, AuthKind, Discovered, DiscoveryResult, HostKey, Imported, Probe, ProbeStep, Vm, VmInput, VmStatus } from '$lib/core/clients';

export const STATUS_TONE = { online: 'ok', offline: 'bad', unknown: 'neutral' } as const satisfies Record<VmStatus, string>;
export const STATUS_LABEL: Record<VmStatus, string> = { online: 'Online', offline: 'Unreachable', unknown: 'Not checked' };

/** `deploy@10.0.0.4:2222`, leaving out what goes without saying. */
export function endpointOf(vm: Pick<Vm, 'transport' | 'user' | 'address' | 'port'>): string {
  if (vm.transport === 'local') return 'this machine';
  const host = vm.address.includes(':') && vm.port !== 22 ? `[${vm.address}]` : vm.address;
  return `${vm.user ? `${vm.user}@` : ''}${host}${vm.port === 22 ? '' : `:${vm.port}`}`;
}

export interface VmGroup {
  key: string;
  label: string;
  vms: Vm[];
}
