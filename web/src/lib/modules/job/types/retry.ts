import type { Job, Task, Which } from '$lib/core/clients';
import { isFinal } from './status';

export type { Which } from '$lib/core/clients';

export interface RetryChoice {
  which: Which;
  label: string;
  /** Tasks that would run again. */
  count: number;
  /** Why it cannot be chosen; empty if it can. */
  reason: string;
}

const CHOICES: readonly { which: Which; label: string; none: string; admits: (task: Task) => boolean }[] = [
  { which: 'failed', label: 'Failed', none: 'None failed', admits: (task) => task.status === 'failed' || task.status === 'timed_out' },
  { which: 'unreachable', label: 'Unreachable', none: 'All were reached', admits: (task) => task.status === 'unreachable' },
  { which: 'not_started', label: 'Not started', none: 'All were started', admits: (task) => task.status === 'cancelled' && task.started_at === null },
  { which: 'unknown', label: 'Unknown', none: 'The end of all is known', admits: (task) => task.status === 'unknown' }
];

/** What of a job could run again, and why not where it cannot. `all` comes first. */
export function retryChoices(job: Pick<Job, 'status' | 'targets'>, tasks: readonly Task[]): RetryChoice[] {
  const reason = isFinal(job.status) ? '' : 'The job is still at work';
  const all: RetryChoice = { which: 'all', label: 'All machines', count: job.targets.length, reason };
  return [
    all,
    ...CHOICES.map(({ which, label, none, admits }) => {
      const count = tasks.filter(admits).length;
      return { which, label, count, reason: count === 0 ? none : '' };
    })
  ];
}
