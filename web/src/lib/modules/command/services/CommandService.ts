import type { ApiClient, ListPage, RenderedFor, Template } from '$lib/core/clients';
import type { SavedCommandInput } from '../types';

/** Templates: rendering, and those that people save. */
export class CommandService {
  constructor(private readonly api: ApiClient) {}

  /** What each VM would run. Nothing is started. */
  async render(
    templateId: string,
    args: Record<string, unknown>,
    vms: readonly string[],
    signal?: AbortSignal
  ): Promise<RenderedFor[]> {
    const path = `/api/commands/${encodeURIComponent(templateId)}/render`;
    const page = await this.api.post<ListPage<RenderedFor>>(path, { args, targets: { vms } }, { signal });
    return page.items;
  }

  save(input: SavedCommandInput): Promise<Template> {
    return this.api.post<Template>('/api/commands', tidy(input));
  }

  replace(id: string, input: SavedCommandInput): Promise<Template> {
    return this.api.put<Template>(`/api/commands/${encodeURIComponent(id)}`, tidy(input));
  }

  remove(id: string): Promise<void> {
    return this.api.delete(`/api/commands/${encodeURIComponent(id)}`);
  }
}

function tidy({ vm, ...input }: SavedCommandInput): Record<string, unknown> {
  return vm ? { ...input, vm } : input;
}
