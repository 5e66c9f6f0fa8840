import { SvelteMap } from 'svelte/reactivity';
import type { EventDispatcher } from '$lib/core/events';
import type { JobService } from '../services/JobService';
import { isFinal, type Job, type Task, type TaskChanges } from '../types';

export interface JobStoreDeps {
  dispatcher: EventDispatcher;
  service: JobService;
}

/** Recent and live jobs with their tasks, mirrored from the host; older ones are fetched when somebody looks. */
export class JobStore {
  readonly byId = new SvelteMap<string, Job>();
  private readonly tasksByJob = new SvelteMap<string, SvelteMap<string, Task>>();
  loaded = $state(false);
  /** Counts snapshots: what was fetched before one may be outdated. */
  generation = $state(0);

  /** Newest first; ids carry the time of their making. */
  recent = $derived([...this.byId.values()].sort((a, b) => (a.id < b.id ? 1 : -1)));
  live = $derived(this.recent.filter((job) => !isFinal(job.status)));
  failures = $derived(this.recent.filter((job) => job.status === 'failed'));

  constructor(private readonly deps: JobStoreDeps) {
    const { dispatcher } = deps;
    dispatcher.onSnapshot((state) => this.replaceAll(state.jobs, state.tasks));
    dispatcher.on('job-created', ({ job }) => this.put(job));
    dispatcher.on('job-reopened', ({ job }) => this.put(job, true));
    dispatcher.on('job-updated', ({ job_id, changes }) => {
      const job = this.byId.get(job_id);
      if (job) this.byId.set(job_id, changed(job, changes));
    });
    dispatcher.on('task-updated', ({ job_id, vm_id, changes }) => {
      const tasks = this.tasksByJob.get(job_id);
      const task = tasks?.get(vm_id);
      if (task) tasks!.set(vm_id, taskAfter(task, changes));
    });
  }

  get(id: string | null | undefined): Job | undefined {
    return id ? this.byId.get(id) : undefined;
  }

  /** A job's tasks in their order; undefined if they are not known here. */
  tasksOf(id: string | null | undefined): Task[] | undefined {
    const tasks = id ? this.tasksByJob.get(id) : undefined;
    return tasks && [...tasks.values()].sort((a, b) => a.position - b.position);
  }

  task(jobId: string, vmId: string): Task | undefined {
    return this.tasksByJob.get(jobId)?.get(vmId);
  }

  /** Fetches a job with its tasks unless both are here. */
  async ensure(id: string): Promise<void> {
    if (this.byId.has(id) && this.tasksByJob.has(id)) return;
    const seen = this.generation;
    const job = await this.deps.service.get(id);
    // A snapshot or the creating event may have come first; what they and later events say is newer.
    if (seen === this.generation && this.tasksByJob.has(id)) return;
    this.put(job);
  }

  /**
   * Takes a job over. An answer that was under way does not make an ended job run again; only the host's word that it was
   * taken up again (`reopened`) does.
   */
  put(job: Job, reopened = false): void {
    const { tasks, ...rest } = job;
    const known = this.byId.get(job.id);
    if (reopened || !known || !isFinal(known.status) || isFinal(rest.status)) this.byId.set(job.id, rest);
    if (!tasks) return;
    const held = new SvelteMap<string, Task>();
    for (const task of tasks) held.set(task.vm_id, { ...task, job_id: job.id });
    this.tasksByJob.set(job.id, held);
  }

  private replaceAll(jobs: readonly Job[], tasks: readonly Task[]): void {
    this.byId.clear();
    this.tasksByJob.clear();
    for (const job of jobs) this.put(job);
    for (const task of tasks ?? []) {
      const held = this.tasksByJob.get(task.job_id) ?? new SvelteMap<string, Task>();
      held.set(task.vm_id, task);
      this.tasksByJob.set(task.job_id, held);
    }
    this.generation++;
    this.loaded = true;
  }
}

/** A task after a change. A contact that is null was found again; a task that has ended is looked for no more. */
function taskAfter(task: Task, changes: TaskChanges): Task {
  const after = changed(task, changes);
  if (isFinal(after.status)) return { ...after, contact_lost_at: null };
  return 'contact_lost_at' in changes ? { ...after, contact_lost_at: changes.contact_lost_at ?? null } : after;
}

/** The object with the fields that an update names; null there means that nothing is said of a field. */
function changed<T extends object>(object: T, changes: { [K in keyof T]?: T[K] | null }): T {
  const said = Object.entries(changes).filter(([, value]) => value !== null && value !== undefined);
  return { ...object, ...(Object.fromEntries(said) as Partial<T>) };
}

export function createJobStore(deps: JobStoreDeps): JobStore {
  return new JobStore(deps);
}
