import { SvelteMap } from 'svelte/reactivity';
import type { EventDispatcher } from '$lib/core/events';
import type { UiState } from '$lib/core/state';
import { byName, compareText, looksLikeSelector, matchesQuery, parseSelector, sortedAgain } from '$lib/shared/utils';
import { endpointOf, type Vm, type VmGroup } from '../types';

export interface VmStoreDeps {
  dispatcher: EventDispatcher;
  ui: UiState;
}

/** The inventory as the host has it, mirrored from its events. */
export class VmStore {
  readonly byId = new SvelteMap<string, Vm>();
  sources = $state<string[]>([]);
  loaded = $state(false);

  private sorted: Vm[] = [];
  all = $derived.by(() => (this.sorted = sortedAgain(this.sorted, this.byId.values(), byName)));
  online = $derived(this.all.filter((vm) => vm.status === 'online'));
  offline = $derived(this.all.filter((vm) => vm.status === 'offline'));
  unchecked = $derived(this.all.filter((vm) => vm.status === 'unknown'));
  undecided = $derived(this.all.filter((vm) => vm.offered_host_key !== null));
  labelKeys = $derived([...new Set(this.all.flatMap((vm) => Object.keys(vm.labels)))].sort(compareText));
  selected = $derived.by(() => this.all.filter((vm) => this.deps.ui.selectedVmIds.has(vm.id)));

  constructor(private readonly deps: VmStoreDeps) {
    const { dispatcher, ui } = deps;
    dispatcher.onSnapshot((state) => this.replaceAll(state.vms, state.sources));
    dispatcher.on('vm-added', ({ vm }) => this.byId.set(vm.id, vm));
    dispatcher.on('vm-updated', ({ vm }) => this.byId.set(vm.id, vm));
    dispatcher.on('vm-removed', ({ id }) => {
      this.byId.delete(id);
      ui.forgetVm(id);
    });
    dispatcher.on('vm-status-changed', (event) => {
      const vm = this.byId.get(event.id);
      if (!vm) return;
      const { status, latency_ms, message, checked_at, offered_host_key } = event;
      this.byId.set(vm.id, { ...vm, status, latency_ms, message, checked_at, offered_host_key });
    });
    dispatcher.on('vm-facts-changed', ({ id, facts }) => {
      const vm = this.byId.get(id);
      if (vm) this.byId.set(id, { ...vm, facts });
    });
  }

  get(id: string | null | undefined): Vm | undefined {
    return id ? this.byId.get(id) : undefined;
  }

  nameOf(id: string): string {
    return this.byId.get(id)?.name ?? `${id.slice(0, 8)}…`;
  }

  /** VMs that a search or a selector finds, and what is wrong with the selector if it cannot be read. */
  find(query: string): { vms: Vm[]; problem: string } {
    const text = query.trim();
    if (text === '') return { vms: this.all, problem: '' };
    if (looksLikeSelector(text)) {
      try {
        const admits = parseSelector(text);
        return { vms: this.all.filter(admits), problem: '' };
      } catch (cause) {
        return { vms: [], problem: cause instanceof Error ? cause.message : String(cause) };
      }
    }
    const vms = this.all.filter((vm) => matchesQuery(text, vm.name, endpointOf(vm), ...labelTexts(vm)));
    return { vms, problem: '' };
  }

  private replaceAll(vms: readonly Vm[], sources: string[]): void {
    const ids = new Set(vms.map((vm) => vm.id));
    for (const id of [...this.byId.keys()]) {
      if (ids.has(id)) continue;
      this.byId.delete(id);
      this.deps.ui.forgetVm(id);
    }
    for (const vm of vms) this.byId.set(vm.id, vm);
    this.sources = sources ?? [];
    this.loaded = true;
  }
}

export function labelTexts(vm: Pick<Vm, 'labels'>): string[] {
  return Object.entries(vm.labels).map(([key, value]) => (value === '' ? key : `${key}=${value}`));
}

/** VMs by the value of a label; those without it come last. */
export function groupVms(vms: readonly Vm[], key: string): VmGroup[] {
  if (key === 'none') return [{ key: '', label: '', vms: [...vms] }];
  const groups = new Map<string, Vm[]>();
  for (const vm of vms) {
    const value = vm.labels[key] ?? '';
    groups.set(value, [...(groups.get(value) ?? []), vm]);
  }
  return [...groups.entries()]
    .sort(([a], [b]) => (a === '' ? 1 : b === '' ? -1 : compareText(a, b)))
    .map(([value, members]) => ({ key: value || '∅', label: value || `no ${key}`, vms: members }));
}

export function createVmStore(deps: VmStoreDeps): VmStore {
  return new VmStore(deps);
}
