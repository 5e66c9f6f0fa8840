import type {
  ApiClient,
  DiscoveryResult,
  Imported,
  JobPage,
  Probe,
  Vm,
  VmInput
} from '$lib/core/clients';

/** Jobs that a machine's page shows. */
export const JOBS_SHOWN = 10;

/** What one can do with the inventory. Effects arrive in the store as events. */
export class VmService {
  constructor(private readonly api: ApiClient) {}

  add(input: VmInput): Promise<Vm> {
    return this.api.post<Vm>('/api/vms', input);
  }

  /** Replaces what a person can edit; refused if somebody else changed the VM meanwhile. */
  replace(vm: Vm, input: VmInput): Promise<Vm> {
    const body = vm.source ? { ...input, source: vm.source } : input;
    return this.api.put<Vm>(`/api/vms/${vm.id}`, body, { headers: { 'if-match': `"${vm.version}"` } });
  }

  remove(id: string): Promise<void> {
    return this.api.delete(`/api/vms/${id}`);
  }

  test(id: string): Promise<Probe> {
    return this.api.post<Probe>(`/api/vms/${id}/test`);
  }

  acceptHostKey(id: string, key?: string): Promise<Vm> {
    return this.api.post<Vm>(`/api/vms/${id}/host-key`, { action: 'accept', key });
  }

  /** The machine was rebuilt: forget what was pinned, take what it shows now. */
  replaceHostKey(id: string, key?: string): Promise<Vm> {
    return this.api.post<Vm>(`/api/vms/${id}/host-key`, { action: 'replace', key });
  }

  /** Trusts a key no more; without one, none of those that are trusted. */
  revokeHostKey(id: string, key?: string): Promise<Vm> {
    return this.api.post<Vm>(`/api/vms/${id}/host-key`, { action: 'revoke', key });
  }

  /** Asks the machine about itself, now. */
  gatherFacts(id: string): Promise<Vm> {
    return this.api.post<Vm>(`/api/vms/${id}/facts`);
  }

  /** Newest first: what ran there, however long ago. */
  jobs(id: string, signal?: AbortSignal): Promise<JobPage> {
    return this.api.get<JobPage>(`/api/vms/${id}/jobs`, { query: { limit: JOBS_SHOWN }, signal });
  }

  discover(source: string): Promise<DiscoveryResult> {
    return this.api.post<DiscoveryResult>(`/api/discovery/${encodeURIComponent(source)}`);
  }

  import(source: string, externalIds: string[]): Promise<Imported> {
    return this.api.post<Imported>(`/api/discovery/${encodeURIComponent(source)}/import`, { external_ids: externalIds });
  }
}
