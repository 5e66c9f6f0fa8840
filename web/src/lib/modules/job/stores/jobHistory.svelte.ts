import { commandText, TextSearch } from '$lib/shared/utils';
import type { JobService } from '../services/JobService';
import { NO_FILTER, WITHIN, type Job, type JobFilter } from '../types';
import type { JobStore } from './jobStore.svelte';

export interface JobHistoryDeps {
  store: JobStore;
  service: JobService;
  /** The time, in milliseconds. */
  now: () => number;
}

/** A filtered view of all jobs: pages from the host, joined with what the store hears of live. */
export class JobHistoryStore {
  filter = $state<JobFilter>({ ...NO_FILTER });
  loading = $state(false);
  error = $state<unknown>(null);
  private fetched = $state.raw<Job[]>([]);
  private cursor = $state<string | null>(null);
  /** The oldest that is asked for, as the host writes times; null: however old. */
  private since = $state<string | null>(null);
  private request: AbortController | null = null;

  constructor(private readonly deps: JobHistoryDeps) {}

  get hasMore(): boolean {
    return this.cursor !== null;
  }

  get filtered(): boolean {
    return Object.values(this.filter).some((value) => value !== '');
  }

  /** What the host listed and what happened since, newest first, each once and in its latest state. */
  rows = $derived.by(() => {
    const { store } = this.deps;
    const oldest = this.hasMore ? this.fetched.at(-1)?.id : undefined;
    const heard = oldest === undefined ? store.recent : store.recent.filter((job) => job.id >= oldest);
    return merged(heard, this.fetched).filter(admitter(this.filter, this.since));
  });

  setFilter(change: Partial<JobFilter>): void {
    this.filter = { ...this.filter, ...change };
    // Text is looked for among what is here; the host does not search it.
    if (Object.keys(change).some((key) => key !== 'text')) void this.load();
  }

  async load(): Promise<void> {
    this.fetched = [];
    this.cursor = null;
    this.since = this.filter.within === '' ? null : new Date(this.deps.now() - WITHIN[this.filter.within].ms).toISOString();
    await this.fetch();
  }

  async more(): Promise<void> {
    if (!this.loading && this.hasMore) await this.fetch();
  }

  private async fetch(): Promise<void> {
    this.request?.abort();
    const request = (this.request = new AbortController());
    this.loading = true;
    this.error = null;
    try {
      const page = await this.deps.service.list({ ...this.filter, since: this.since }, this.cursor, request.signal);
      this.fetched = [...this.fetched, ...page.items];
      this.cursor = page.next_cursor ?? null;
    } catch (cause) {
      if (!request.signal.aborted) this.error = cause;
    } finally {
      if (this.request === request) this.loading = false;
    }
  }
}

const texts = new TextSearch<Job>((job) => [commandText(job.command), job.template?.id, job.created_by, job.id]);

/** A test for many jobs. */
function admitter(filter: JobFilter, since: string | null): (job: Job) => boolean {
  const matches = texts.matcher(filter.text);
  return (job) =>
    (since === null || job.created_at >= since) &&
    (filter.status === '' || job.status === filter.status) &&
    (filter.vm === '' || job.targets.includes(filter.vm)) &&
    (filter.template === '' || job.template?.id === filter.template) &&
    matches(job);
}

/** Two lists, both newest first, as one; of a job that is in both, what the first says. */
function merged(first: readonly Job[], second: readonly Job[]): Job[] {
  const jobs: Job[] = [];
  for (let [i, j] = [0, 0]; i < first.length || j < second.length; ) {
    const [a, b] = [first[i], second[j]];
    if (a && b && a.id === b.id) j++;
    if (a && (!b || a.id >= b.id)) jobs.push(first[i++]!);
    else jobs.push(second[j++]!);
  }
  return jobs;
}

export function createJobHistory(deps: JobHistoryDeps): JobHistoryStore {
  return new JobHistoryStore(deps);
}
