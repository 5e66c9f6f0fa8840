import type { ApiClient, Plugin, PluginHistory, PluginLog, PluginReadme, PluginStats } from '$lib/core/clients';

/** What one can ask of a plugin, and do with it. How it fares then arrives in the store as an event. */
export class PluginService {
  constructor(private readonly api: ApiClient) {}

  /** Loads it anew from its folder; if that fails, the old one goes on serving. */
  reload(id: string): Promise<Plugin> {
    return this.api.post<Plugin>(`${pathOf(id)}/reload`);
  }

  /** Switches it on or off. */
  enable(id: string, on: boolean): Promise<Plugin> {
    return this.api.post<Plugin>(`${pathOf(id)}/${on ? 'enable' : 'disable'}`);
  }

  grant(id: string, grant: string): Promise<Plugin> {
    return this.api.post<Plugin>(`${pathOf(id)}/grants`, { grants: [grant] });
  }

  /** Takes back what was granted here; what the configuration grants stays. */
  revoke(id: string, grant: string): Promise<void> {
    return this.api.delete(`${pathOf(id)}/grants`, { query: { grant } });
  }

  /** What it did since the host started. */
  stats(id: string, signal?: AbortSignal): Promise<PluginStats> {
    return this.api.get<PluginStats>(`${pathOf(id)}/stats`, { signal });
  }

  /** What it said, and the host of it. */
  log(id: string, signal?: AbortSignal): Promise<PluginLog> {
    return this.api.get<PluginLog>(`${pathOf(id)}/logs`, { signal });
  }

  /** How it came to be as it is. */
  history(id: string, signal?: AbortSignal): Promise<PluginHistory> {
    return this.api.get<PluginHistory>(`${pathOf(id)}/history`, { signal });
  }

  /** What its author says of it. */
  readme(id: string, signal?: AbortSignal): Promise<PluginReadme> {
    return this.api.get<PluginReadme>(`${pathOf(id)}/readme`, { signal });
  }
}

function pathOf(id: string): string {
  return `/api/plugins/${encodeURIComponent(id)}`;
}
