import type { Activity, ApiClient, Groups, Job, JobPage, Preview } from '$lib/core/clients';
import type { JobListQuery, JobRequest, OutputStream, Which } from '../types';

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

  /** What a request would run, where and in which order. Nothing is started. */
  preview(request: JobRequest, signal?: AbortSignal): Promise<Preview> {
    return this.api.post<Preview>('/api/jobs', { ...request, dry_run: true }, { signal });
  }

  /** Asks for the end of a job, or of its tasks on some VMs. */
  cancel(id: string, vms?: readonly string[]): Promise<Job> {
    return this.api.post<Job>(`/api/jobs/${id}/cancel`, vms ? { vms } : {});
  }

  /** Runs some of a job's tasks again, as a job of its own. */
  retry(id: string, which: Which): Promise<Job> {
    return this.api.post<Job>(`/api/jobs/${id}/retry`, { which });
  }

  /** Gives up on what has not ended, whatever its machines do. */
  close(id: string): Promise<Job> {
    return this.api.post<Job>(`/api/jobs/${id}/close`);
  }

  /** Looks again after tasks of which the end is not known. */
  check(id: string, vms?: readonly string[]): Promise<Job> {
    return this.api.post<Job>(`/api/jobs/${id}/check`, vms ? { vms } : {});
  }

  groups(id: string, stream: OutputStream, signal?: AbortSignal): Promise<Groups> {
    return this.api.get<Groups>(`/api/jobs/${id}/groups`, { query: { stream }, signal });
  }

  get(id: string, signal?: AbortSignal): Promise<Job> {
    return this.api.get<Job>(`/api/jobs/${id}`, { signal });
  }

  /** Jobs counted by when they were created, in steps, and by how they fare. */
  activity(since: string, stepSeconds: number, signal?: AbortSignal): Promise<Activity> {
    return this.api.get<Activity>('/api/jobs/activity', { query: { since, step_seconds: stepSeconds }, signal });
  }

  list(filter: JobListQuery, cursor: string | null, signal?: AbortSignal, limit = PAGE_SIZE): Promise<JobPage> {
    return this.api.get<JobPage>('/api/jobs', {
      query: { status: filter.status, vm: filter.vm, template: filter.template, since: filter.since, cursor, limit },
      signal
    });
  }
}
