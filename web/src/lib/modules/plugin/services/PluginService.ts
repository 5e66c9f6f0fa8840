import type { ApiClient, Plugin } from '$lib/core/clients';

export class PluginService {
  constructor(private readonly api: ApiClient) {}

  /** Loads it anew from its folder; if that fails, the old one goes on serving. */
  reload(id: string): Promise<Plugin> {
    return this.api.post<Plugin>(`/api/plugins/${encodeURIComponent(id)}/reload`);
  }
}
