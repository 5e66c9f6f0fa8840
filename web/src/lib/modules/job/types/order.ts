import type { Task, TaskStatus } from '$lib/core/clients';
import { compareText } from '$lib/shared/utils';

/** By what a job's machines can be ordered. `trouble`: what did not go well, then the others, each as the job has them. */
export type TaskOrder = 'trouble' | 'machine' | 'status' | 'lines' | 'took';

const RANK: Record<TaskStatus, number> = { failed: 0, timed_out: 1, unreachable: 2, unknown: 3, cancelled: 4, running: 5, connecting: 6, queued: 7, succeeded: 8 };
/** The statuses before this rank are trouble. */
const CALM = RANK.cancelled;

/** How long a task took, or has taken by now, in milliseconds; -1 if it has not begun. */
export function tookOf(task: Pick<Task, 'started_at' | 'finished_at'>, now: number): number {
  return task.started_at ? Math.max(0, (task.finished_at ? Date.parse(task.finished_at) : now) - Date.parse(task.started_at)) : -1;
}

/** A job's tasks in an order; what is equal in it stays as the job has it. The longest and the most come first, unless turned round. */
export function ordered(tasks: readonly Task[], order: TaskOrder, turned: boolean, now: number): Task[] {
  const by: Record<TaskOrder, (a: Task, b: Task) => number> = {
    trouble: (a, b) => Math.min(RANK[a.status], CALM) - Math.min(RANK[b.status], CALM),
    machine: (a, b) => compareText(a.vm_name, b.vm_name),
    status: (a, b) => RANK[a.status] - RANK[b.status],
    lines: (a, b) => b.lines - a.lines,
    took: (a, b) => tookOf(b, now) - tookOf(a, now)
  };
  const way = turned ? -1 : 1;
  return [...tasks].sort((a, b) => way * by[order](a, b) || a.position - b.position);
}
