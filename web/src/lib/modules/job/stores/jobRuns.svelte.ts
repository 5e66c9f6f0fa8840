import { commandText } from '$lib/shared/utils';
import type { JobService } from '../services/JobService';
import { NO_FILTER, type Job, type RunTasks, type Task } from '../types';
import type { JobStore } from './jobStore.svelte';

/** So many runs are looked at side by side. */
export const RUNS_MAX = 10;
/** Runs of a command that was typed are looked for among so many jobs: the host knows jobs by their template only. */
export const LOOKED_AT_MAX = 200;
/** So many jobs are read at once. */
export const AT_ONCE = 2;

/** Whether two jobs are runs of the same thing: of one template, or of one command as it was typed. */
export function isSameThing(a: Pick<Job, 'template' | 'command' | 'command_hash'>, b: Pick<Job, 'template' | 'command' | 'command_hash'>): boolean {
  if (a.template || b.template) return a.template?.id === b.template?.id;
  // The hash is of what each machine ran: the same command on fewer machines, as by a retry, has another one.
  return (a.command_hash !== '' && a.command_hash === b.command_hash) || commandText(a.command) === commandText(b.command);
}

export interface JobRunsDeps {
  service: Pick<JobService, 'get' | 'list'>;
  store: Pick<JobStore, 'get' | 'tasksOf' | 'recent' | 'generation' | 'forgotten'>;
}

/** One run. What the store hears of live has precedence over what was fetched. */
export class Run implements RunTasks {
  private listed = $state.raw<Job>() as Job;
  private fetched = $state.raw<Job | null>(null);
  job = $derived.by<Job>(() => this.store.get(this.id) ?? this.listed);
  byVm = $derived.by<ReadonlyMap<string, Task> | null>(() => {
    const tasks = this.store.tasksOf(this.id) ?? this.fetched?.tasks;
    return tasks ? new Map(tasks.map((task) => [task.vm_id, task])) : null;
  });

  constructor(
    listed: Job,
    private readonly store: JobRunsDeps['store']
  ) {
    this.listed = listed;
  }

  get id(): string {
    return this.listed.id;
  }

  /** Whether its tasks are here, as they were when it was listed last. */
  get known(): boolean {
    const { fetched, listed } = this;
    return this.store.tasksOf(this.id) !== undefined || (fetched !== null && fetched.status === listed.status && fetched.finished_at === listed.finished_at);
  }

  list(listed: Job): this {
    this.listed = listed;
    return this;
  }

  take(fetched: Job): void {
    this.fetched = fetched;
    this.listed = fetched;
  }
}

/** A job and the runs of the same thing before it, or around it, as long as somebody looks. */
export class JobRuns {
  /** Oldest first; null until they were found. */
  runs = $state.raw<readonly Run[] | null>(null);
  /** The newest run, where it is too far from this one to be among them. */
  newer = $state.raw<string | null>(null);
  error = $state.raw<unknown>(null);
  /** Changes when there is something new to read: another run began, the store began anew or forgot some of what it knew. */
  heard = $derived.by(() => {
    const { generation, forgotten, recent } = this.deps.store;
    return `${generation} ${forgotten} ${recent.find((each) => isSameThing(each, this.job))?.id ?? ''}`;
  });
  private request: AbortController | null = null;

  constructor(
    private readonly job: Job,
    private readonly deps: JobRunsDeps
  ) {}

  /** Whether all that is shown has been read. */
  get whole(): boolean {
    return this.runs !== null && this.runs.every((run) => run.byVm !== null);
  }

  /** Looks for runs and reads those that are not here; what was asked before is taken back. */
  async refresh(): Promise<void> {
    this.request?.abort();
    const request = (this.request = new AbortController());
    try {
      const found = await this.find(request.signal);
      if (request.signal.aborted) return;
      const before = new Map(this.runs?.map((run) => [run.id, run]));
      const runs = found.jobs.map((job) => before.get(job.id)?.list(job) ?? new Run(job, this.deps.store));
      this.runs = [...runs].reverse();
      this.newer = found.newer;
      await this.read(runs, request.signal);
      this.error = null;
    } catch (cause) {
      if (!request.signal.aborted) this.error = cause;
      request.abort();
    }
  }

  close(): void {
    this.request?.abort();
  }

  /** The runs, newest first. Of a job that lies further back, those that end with it. */
  private async find(signal: AbortSignal): Promise<{ jobs: Job[]; newer: string | null }> {
    const { job } = this;
    const same = await this.list(null, signal);
    const at = same.findIndex((each) => each.id === job.id);
    if (at >= 0 && at < RUNS_MAX) return { jobs: same.slice(0, RUNS_MAX), newer: null };
    const newer = same[0]?.id ?? null;
    if (at >= 0) return { jobs: same.slice(at, at + RUNS_MAX), newer };
    return { jobs: [job, ...(await this.list(job.id, signal))].slice(0, RUNS_MAX), newer };
  }

  private async list(cursor: string | null, signal: AbortSignal): Promise<Job[]> {
    const { job } = this;
    const filter = { ...NO_FILTER, template: job.template?.id ?? '', since: null };
    const page = await this.deps.service.list(filter, cursor, signal, job.template ? RUNS_MAX : LOOKED_AT_MAX);
    return page.items.filter((each) => isSameThing(each, job));
  }

  private async read(runs: readonly Run[], signal: AbortSignal): Promise<void> {
    const waiting = runs.filter((run) => !run.known);
    const readOn = async () => {
      for (let run = waiting.shift(); run; run = waiting.shift()) {
        const job = await this.deps.service.get(run.id, signal);
        if (signal.aborted) return;
        run.take(job);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, readOn));
  }
}

export function createJobRuns(job: Job, deps: JobRunsDeps): JobRuns {
  return new JobRuns(job, deps);
}
