import type { ApiClient, Job, ListPage } from '$lib/core/clients';
import type { JobFilter, JobRequest } from '../types';

export const PAGE_SIZE = 50;

/** Starting, stopping and looking up jobs. */
export class JobService {
  constructor(
    private readonly api: ApiClient,
    private readonly newKey: () => string
  ) {}

  /** Starts a job. The key keeps a request that is sent twice from running twice. */
  create(request: JobRequest, idempotencyKey = this.newKey()): Promise<Job> {
    return this.api.post<Job>('/api/jobs', request, { headers: { 'idempotency-key': idempotencyKey } });
  }

  cancel(id: string): Promise<Job> {
    return this.api.post<Job>(`/api/jobs/${id}/cancel`);
  }

  get(id: string, signal?: AbortSignal): Promise<Job> {
    return this.api.get<Job>(`/api/jobs/${id}`, { signal });
  }

  list(filter: Omit<JobFilter, 'text'>, cursor: string | null, signal?: AbortSignal): Promise<ListPage<Job>> {
    return this.api.get<ListPage<Job>>('/api/jobs', {
      query: { status: filter.status, vm: filter.vm, template: filter.template, cursor, limit: PAGE_SIZE },
      signal
    });
  }
}
