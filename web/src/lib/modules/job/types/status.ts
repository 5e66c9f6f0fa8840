import type { Mark } from '$lib/shared/components/ui';
import type { Counts, Job, JobStatus, Task, TaskStatus } from '$lib/core/clients';

export type Tone = 'neutral' | 'accent' | 'ok' | 'warn' | 'bad';

/** What is filled with a tone: bars, and parts of them. */
export const TONE_FILL: Record<Tone, string> = { neutral: 'bg-line-strong', accent: 'bg-accent', ok: 'bg-ok-solid', warn: 'bg-warn-solid', bad: 'bg-bad-solid' };

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

/** Shapes of how things stand, for those who do not tell the colours apart. */
export const JOB_MARK: Record<JobStatus, Mark> = { queued: 'ring', running: 'disc', succeeded: 'check', failed: 'cross', cancelled: 'slash', unknown: 'question' };
export const TASK_MARK: Record<TaskStatus, Mark> = { ...JOB_MARK, connecting: 'disc', timed_out: 'cross', unreachable: 'diamond' };

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

/** What there is to tell of a job in numbers, trouble before what goes on. */
export function figuresOf(counts: Counts) {
  return [
    { key: 'succeeded', label: 'succeeded', value: counts.succeeded, ink: 'text-ok' },
    { key: 'failed', label: 'failed', value: counts.failed, ink: 'text-bad' },
    { key: 'timed_out', label: 'timed out', value: counts.timed_out, ink: 'text-bad' },
    { key: 'unreachable', label: 'unreachable', value: counts.unreachable, ink: 'text-bad' },
    { key: 'cancelled', label: 'cancelled', value: counts.cancelled, ink: 'text-warn' },
    { key: 'unknown', label: 'unknown', value: counts.unknown, ink: 'text-warn' },
    { key: 'running', label: 'running', value: counts.running, ink: 'text-accent-fg' },
    { key: 'queued', label: 'queued', value: counts.queued, ink: 'text-muted' }
  ].filter((figure) => figure.value > 0) as { key: keyof Counts; label: string; value: number; ink: string }[];
}

/** Among which of a job's numbers a task is counted; one that connects is at work. */
export function countedAs(status: TaskStatus): keyof Counts {
  return status === 'connecting' ? 'running' : status;
}

/**
 * Where a task lies in the time that its job takes, in parts of the whole: `from` its beginning, `to` its end or now. Null if
 * it has not begun.
 */
export function placeInTime(task: Pick<Task, 'started_at' | 'finished_at'>, span: { from: number; to: number }): { from: number; to: number } | null {
  if (!task.started_at) return null;
  const whole = Math.max(1, span.to - span.from);
  const part = (at: number) => Math.min(1, Math.max(0, (at - span.from) / whole));
  const from = part(Date.parse(task.started_at));
  return { from, to: Math.max(from, task.finished_at ? part(Date.parse(task.finished_at)) : 1) };
}

/** Where a task stands, in a word; one at work whose end was asked for is being cancelled. */
export function taskLabel(task: Task): string {
  return task.cancel_requested_at !== null && (task.status === 'running' || task.status === 'connecting') ? 'Cancelling' : TASK_LABEL[task.status];
}

/** How a task ended, in a word or two: `exit 1`, `SIGTERM`, `timed out`. */
export function outcomeOf(task: Task): string {
  if (task.signal) return `SIG${task.signal.replace(/^SIG/, '')}`;
  if (task.exit_code !== null && task.exit_code !== undefined) return `exit ${task.exit_code}`;
  return TASK_LABEL[task.status].toLowerCase();
}

/** How a job was limited, in words: `64 at once, stops after 3 failures, 600 s each`. */
export function limitsOf(job: Job): string {
  return [
    `${job.parallelism} at once`,
    job.max_failures ? `stops after ${job.max_failures} failed` : '',
    job.batch?.pause_seconds ? `${job.batch.pause_seconds} s between batches` : '',
    job.timeout_seconds ? `${job.timeout_seconds} s each` : '',
    job.job_timeout_seconds ? `${job.job_timeout_seconds} s in all` : ''
  ]
    .filter(Boolean)
    .join(', ');
}
