import type { ApiClient, SearchMessage } from '$lib/core/clients';

/** What is looked for, and where. Empty fields say nothing. */
export interface SearchQuery {
  q: string;
  regex: boolean;
  ignoreCase: boolean;
  job?: string;
  vm?: string;
  template?: string;
  stream?: '' | 'stdout' | 'stderr';
  annotations?: string;
  since?: string;
  until?: string;
  context?: number;
  limit?: number;
}

/** Searches stored output. Results come as they are found; ending the loop or aborting ends the search on the host. */
export class SearchService {
  constructor(private readonly api: ApiClient) {}

  search(query: SearchQuery, signal: AbortSignal): AsyncGenerator<SearchMessage[], void> {
    const { ignoreCase, regex, ...rest } = query;
    return this.api.lines<SearchMessage>('/api/search/logs', {
      query: { ...rest, regex: regex || undefined, ignore_case: ignoreCase || undefined, context: rest.context || undefined },
      signal
    });
  }
}
