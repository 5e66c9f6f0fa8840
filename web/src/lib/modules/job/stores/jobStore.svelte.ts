import { untrack } from 'svelte';
import { SvelteMap } from 'svelte/reactivity';
import type { EventDispatcher } from '$lib/core/events';
import type { JobService } from '../services/JobService';
import { OrderedList } from '$lib/shared/rows';
import { isFinal, type Job, type Task, type TaskChanges } from '../types';

/** Jobs that are held, and tasks of all of them together; when there are more, the oldest go until so many are left. */
export const JOBS_MAX = 1_200;
export const JOBS_KEPT = 1_000;
export const TASKS_MAX = 24_000;
export const TASKS_KEPT = 20_000;
/** Jobs that stay because somebody looked at them lately. */
export const LOOKED_AT_MAX = 8;

export interface JobStoreDeps {
  dispatcher: EventDispatcher;
  service: JobService;
}

/** Recent and live jobs with their tasks, mirrored from the host; older ones are fetched when somebody looks. */
export class JobStore {
  /** Newest first; ids carry the time of their making. */
  private readonly jobs = new OrderedList<Job>({ keyOf: (job) => job.id, compare: (a, b) => (a.id < b.id ? 1 : a.id > b.id ? -1 : 0) });
  private readonly tasksByJob = new SvelteMap<string, OrderedList<Task>>();
  /** Jobs that somebody looked at, the last one at the end. */
  private looked: string[] = [];
  loaded = $state(false);
  /** Counts snapshots: what was fetched before one may be outdated. */
  generation = $state(0);

  /** Counts how often jobs were forgotten, for who shows what they were between. */
  forgotten = $state(0);

  recent = $derived(this.jobs.all);
  /** Of each template its jobs, newest first. */
  byTemplate = $derived.by(() => {
    const jobs = new Map<string, Job[]>();
    for (const job of this.recent) {
      if (!job.template) continue;
      const same = jobs.get(job.template.id);
      if (same) same.push(job);
      else jobs.set(job.template.id, [job]);
    }
    return jobs;
  });
  live = $derived(this.recent.filter((job) => !isFinal(job.status)));
  failures = $derived(this.recent.filter((job) => job.status === 'failed'));

  constructor(private readonly deps: JobStoreDeps) {
    const { dispatcher } = deps;
    dispatcher.onSnapshot((state) => this.replaceAll(state.jobs, state.tasks));
    dispatcher.on('job-created', ({ job }) => {
      this.put(job);
      this.forget();
    });
    dispatcher.on('job-reopened', ({ job }) => this.put(job, true));
    dispatcher.on('job-updated', ({ job_id, changes }) => {
      const job = this.jobs.get(job_id);
      if (job) this.jobs.put(changed(job, changes));
    });
    dispatcher.on('task-updated', ({ job_id, vm_id, changes }) => {
      const tasks = this.tasksByJob.get(job_id);
      const task = tasks?.get(vm_id);
      if (task) tasks!.put(taskAfter(task, changes));
    });
  }

  get(id: string | null | undefined): Job | undefined {
    return id ? this.jobs.get(id) : undefined;
  }

  /** A job's tasks in their order; undefined if they are not known here. */
  tasksOf(id: string | null | undefined): readonly Task[] | undefined {
    return id ? this.tasksByJob.get(id)?.all : undefined;
  }

  task(jobId: string, vmId: string): Task | undefined {
    return this.tasksByJob.get(jobId)?.get(vmId);
  }

  /** Fetches a job with its tasks unless both are here. */
  async ensure(id: string): Promise<void> {
    this.looked = [...this.looked.filter((each) => each !== id), id].slice(-LOOKED_AT_MAX);
    // Who wants a job to be here does not ask anew whenever some job changes.
    if (untrack(() => this.jobs.get(id) && this.tasksByJob.has(id))) return;
    const seen = untrack(() => this.generation);
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
    const known = this.jobs.get(job.id);
    if (reopened || !known || !isFinal(known.status) || isFinal(rest.status)) this.jobs.put(rest);
    if (!tasks) return;
    this.tasksByJob.set(job.id, tasksInOrder(tasks.map((task) => ({ ...task, job_id: job.id }))));
  }

  /**
   * A page may be open for weeks: of jobs that have ended and that nobody looks at, the oldest go, and before them their tasks. Whoever looks
   * again asks the host.
   */
  private forget(): void {
    const oldest = () => this.jobs.all.filter((job) => isFinal(job.status) && !this.looked.includes(job.id)).reverse();
    if (this.jobs.size > JOBS_MAX) {
      for (const job of oldest().slice(0, this.jobs.size - JOBS_KEPT)) {
        this.jobs.delete(job.id);
        this.tasksByJob.delete(job.id);
      }
      this.forgotten++;
    }
    let tasks = [...this.tasksByJob.values()].reduce((sum, held) => sum + held.size, 0);
    if (tasks <= TASKS_MAX) return;
    for (const { id } of oldest()) {
      if (tasks <= TASKS_KEPT) return;
      tasks -= this.tasksByJob.get(id)?.size ?? 0;
      this.tasksByJob.delete(id);
    }
  }

  private replaceAll(jobs: readonly Job[], tasks: readonly Task[]): void {
    this.jobs.replace([]);
    this.tasksByJob.clear();
    for (const job of jobs) this.put(job);
    const byJob = new Map<string, Task[]>();
    for (const task of tasks ?? []) {
      const held = byJob.get(task.job_id);
      if (held) held.push(task);
      else byJob.set(task.job_id, [task]);
    }
    for (const [job, held] of byJob) this.tasksByJob.set(job, tasksInOrder(held));
    this.generation++;
    this.loaded = true;
  }
}

function tasksInOrder(tasks: Iterable<Task>): OrderedList<Task> {
  return new OrderedList<Task>({ keyOf: (task) => task.vm_id, compare: (a, b) => a.position - b.position }, tasks);
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
