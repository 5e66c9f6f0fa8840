import type { CommandLine, Counts, Job, JobStatus, Task, TaskStatus } from '$lib/core/clients';

export type { CommandLine, Counts, Job, JobStatus, Task, TaskStatus } from '$lib/core/clients';

export type Tone = 'neutral' | 'accent' | 'ok' | 'warn' | 'bad';

export const JOB_TONE: Record<JobStatus, Tone> = {
  queued: 'neutral',
  running: 'accent',
  succeeded: 'ok',
  failed: 'bad',
  cancelled: 'warn',
  unknown: 'warn'
};
export const JOB_LABEL: Record<JobStatus, string> = {
  queued: 'Queued',
  running: 'Running',
  succeeded: 'Succeeded',
  failed: 'Failed',
  cancelled: 'Cancelled',
  unknown: 'Unknown'
};
export const TASK_TONE: Record<TaskStatus, Tone> = {
  queued: 'neutral',
  connecting: 'accent',
  running: 'accent',
  succeeded: 'ok',
  failed: 'bad',
  cancelled: 'warn',
  timed_out: 'bad',
  unreachable: 'bad',
  unknown: 'warn'
};
export const TASK_LABEL: Record<TaskStatus, string> = {
  queued: 'Queued',
  connecting: 'Connecting',
  running: 'Running',
  succeeded: 'Succeeded',
  failed: 'Failed',
  cancelled: 'Cancelled',
  timed_out: 'Timed out',
  unreachable: 'Unreachable',
  unknown: 'Unknown'
};

export function isFinal(status: JobStatus | TaskStatus): boolean {
  return status !== 'queued' && status !== 'running' && status !== 'connecting';
}

export function totalOf(counts: Counts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

export function finishedOf(counts: Counts): number {
  return totalOf(counts) - counts.queued - counts.running;
}

/** The bar of a job: what went well, what did not, what is going on. */
export function segmentsOf(counts: Counts) {
  return [
    { tone: 'ok', value: counts.succeeded, label: 'succeeded' },
    { tone: 'bad', value: counts.failed + counts.timed_out + counts.unreachable, label: 'failed' },
    { tone: 'warn', value: counts.cancelled + counts.unknown, label: 'cancelled or unknown' },
    { tone: 'accent', value: counts.running, label: 'running' },
    { tone: 'neutral', value: counts.queued, label: 'queued' }
  ] as const;
}

/** How a task ended, in a word or two: `exit 1`, `SIGTERM`, `timed out`. */
export function outcomeOf(task: Task): string {
  if (task.signal) return `SIG${task.signal.replace(/^SIG/, '')}`;
  if (task.exit_code !== null && task.exit_code !== undefined) return `exit ${task.exit_code}`;
  return TASK_LABEL[task.status].toLowerCase();
}

export interface JobRequest {
  command?: CommandLine;
  template?: { id: string; args?: Record<string, unknown> };
  targets: { vms: string[] };
  parallelism?: number;
  timeout_seconds?: number;
  env?: Record<string, string>;
  workdir?: string;
}

export interface JobFilter {
  status: JobStatus | '';
  vm: string;
  template: string;
  text: string;
}

export const NO_FILTER: JobFilter = { status: '', vm: '', template: '', text: '' };

/** The request that would run the same again on the given VMs. */
export function requestAgain(job: Job, vms: string[]): JobRequest {
  const what = job.template
    ? { template: { id: job.template.id, args: job.template.args } }
    : { command: job.command };
  return {
    ...what,
    targets: { vms },
    parallelism: job.parallelism,
    ...(job.timeout_seconds ? { timeout_seconds: job.timeout_seconds } : {})
  };
}
