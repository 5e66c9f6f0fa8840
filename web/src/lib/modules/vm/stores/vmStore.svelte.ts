import type { EventDispatcher } from '$lib/core/events';
import type { UiState } from '$lib/core/state';
import { OrderedList } from '$lib/shared/rows';
import { byName, compareText, looksLikeSelector, parseSelector, TextSearch } from '$lib/shared/utils';
import { endpointOf, type Vm, type VmGroup } from '../types';

export interface VmStoreDeps {
  dispatcher: EventDispatcher;
  ui: UiState;
}

/** The inventory as the host has it, mirrored from its events. */
export class VmStore {
  private readonly vms = new OrderedList<Vm>({ keyOf: (vm) => vm.id, compare: byName });
  private readonly texts = new TextSearch<Vm>((vm) => [vm.name, endpointOf(vm), ...labelTexts(vm)]);
  sources = $state<string[]>([]);
  loaded = $state(false);

  all = $derived(this.vms.all);
  online = $derived(this.all.filter((vm) => vm.status === 'online'));
  offline = $derived(this.all.filter((vm) => vm.status === 'offline'));
  unchecked = $derived(this.all.filter((vm) => vm.status === 'unknown'));
  undecided = $derived(this.all.filter((vm) => vm.offered_host_key !== null));
  labelKeys = $derived([...new Set(this.all.flatMap((vm) => Object.keys(vm.labels)))].sort(compareText));
  selected = $derived.by(() => this.all.filter((vm) => this.deps.ui.selectedVmIds.has(vm.id)));

  constructor(private readonly deps: VmStoreDeps) {
    const { dispatcher, ui } = deps;
    dispatcher.onSnapshot((state) => this.replaceAll(state.vms, state.sources));
    dispatcher.on('vm-added', ({ vm }) => this.vms.put(vm));
    dispatcher.on('vm-updated', ({ vm }) => this.vms.put(vm));
    dispatcher.on('vm-removed', ({ id }) => {
      this.vms.delete(id);
      ui.forgetVm(id);
    });
    dispatcher.on('vm-status-changed', (event) => {
      const vm = this.vms.get(event.id);
      if (!vm) return;
      const { status, latency_ms, message, checked_at, offered_host_key } = event;
      this.vms.put({ ...vm, status, latency_ms, message, checked_at, offered_host_key });
    });
    dispatcher.on('vm-facts-changed', ({ id, facts }) => {
      const vm = this.vms.get(id);
      if (vm) this.vms.put({ ...vm, facts });
    });
  }

  get(id: string | null | undefined): Vm | undefined {
    return id ? this.vms.get(id) : undefined;
  }

  nameOf(id: string): string {
    return this.vms.get(id)?.name ?? `${id.slice(0, 8)}…`;
  }

  /** VMs that a search or a selector finds, and what is wrong with the selector if it cannot be read. */
  find(query: string): { vms: readonly Vm[]; problem: string } {
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
    return { vms: this.all.filter(this.texts.matcher(text)), problem: '' };
  }

  private replaceAll(vms: readonly Vm[], sources: string[]): void {
    for (const id of this.vms.replace(vms)) this.deps.ui.forgetVm(id);
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
