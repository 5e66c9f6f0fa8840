import type { ApiClient, Template } from '$lib/core/clients';
import type { SavedCommandInput } from '../types';

/** Templates that people save. */
export class CommandService {
  constructor(private readonly api: ApiClient) {}

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
