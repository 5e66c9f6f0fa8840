import type { Job, Task } from '$lib/core/clients';
import { formatDuration } from '$lib/shared/utils';
import { ordered, tookOf } from './order';
import { isFinal, outcomeOf, placeInTime, TASK_TONE, taskLabel, type Tone } from './status';
import { wavesOf, type Wave } from './waves';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Less is drawn as if it were this long, in milliseconds: times are told to the millisecond. */
const SPAN_MIN_MS = 10;
/** So many marks a time axis has where there is room, its beginning among them. */
export const TICKS_MIN = 4;
export const TICKS_MAX = 6;

/** Steps between marks that people count in, in milliseconds. */
const ROUND_MS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((count) => count * SECOND_MS),
  ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE_MS),
  ...[1, 2, 6, 12].map((count) => count * HOUR_MS),
  ...[1, 2, 5, 10, 20, 50, 100].map((count) => count * DAY_MS)
];
/** Those for spans that the round ones leave with too few marks. */
const BETWEEN_MS = [3, 30, 300, 3 * SECOND_MS, 3 * MINUTE_MS, 3 * HOUR_MS, 3 * DAY_MS, 30 * DAY_MS];

/** A time axis, in milliseconds from its beginning. */
export interface Axis {
  ticks: readonly number[];
  end: number;
}

/**
 * The axis of something that took so long. While it goes on (`open`) the axis ends at a mark beyond it, so that bars grow
 * and the marks stand still until that is reached. `most`: how many marks there is room for.
 */
export function axisOf(spanMs: number, open: boolean, most = TICKS_MAX): Axis {
  const span = Math.max(SPAN_MIN_MS, spanMs);
  const endAt = (step: number) => (open ? Math.ceil(span / step) * step : span);
  const countAt = (step: number) => Math.floor(endAt(step) / step) + 1;
  const fits = (step: number) => countAt(step) <= most;
  const round = ROUND_MS.find(fits) ?? ROUND_MS.at(-1)!;
  const step = countAt(round) >= Math.min(TICKS_MIN, most) ? round : Math.min(round, BETWEEN_MS.find(fits) ?? round);
  return { ticks: Array.from({ length: countAt(step) }, (_, n) => n * step), end: endAt(step) };
}

const UNITS = [
  { ms: DAY_MS, alone: 'd', short: 'd' },
  { ms: HOUR_MS, alone: 'h', short: 'h' },
  { ms: MINUTE_MS, alone: 'min', short: 'm' },
  { ms: SECOND_MS, alone: 's', short: 's' }
] as const;

/** What stands at a mark: `0`, `250 ms`, `1.5 s`, `15 s`, `2 min`, `1m 30s`, `1h 30m`. */
export function tickText(ms: number): string {
  if (ms === 0) return '0';
  if (ms < SECOND_MS) return `${ms} ms`;
  if (ms < MINUTE_MS) return `${ms / SECOND_MS} s`;
  const at = UNITS.findIndex((unit) => ms >= unit.ms);
  const [unit, next] = [UNITS[at]!, UNITS[at + 1]];
  const rest = next ? Math.floor((ms % unit.ms) / next.ms) : 0;
  const whole = Math.floor(ms / unit.ms);
  return rest === 0 ? `${whole} ${unit.alone}` : `${whole}${unit.short} ${rest}${next!.short}`;
}

/** From when to when a job is looked at, in milliseconds: from its first task's beginning to its end, or now. */
export function spanOfJob(job: Pick<Job, 'created_at' | 'started_at' | 'finished_at'>, now: number): { from: number; to: number } {
  const from = Date.parse(job.started_at ?? job.created_at);
  return { from, to: Math.max(from, job.finished_at ? Date.parse(job.finished_at) : now) };
}

export const TIME_ORDERS = [
  { value: 'job', label: 'In the job’s order' },
  { value: 'took', label: 'Slowest first' },
  { value: 'trouble', label: 'Trouble first' }
] as const;
export type TimeOrder = (typeof TIME_ORDERS)[number]['value'];

/** A row of a timeline: a machine, or where a wave of them begins. */
export type TimeRow = { key: string; task: Task; wave?: undefined } | { key: string; wave: Wave; task?: undefined };

/** How a task is coloured: one that is out of reach is not just at work. */
export function toneOfTask(task: Task): Tone {
  return task.contact_lost_at ? 'warn' : TASK_TONE[task.status];
}

/** The rows of a job's timeline. In the job's own order each wave has a heading. */
export function timeRows(job: Pick<Job, 'canary' | 'batch' | 'targets'>, tasks: readonly Task[], order: TimeOrder, now: number): TimeRow[] {
  const sorted = order === 'job' ? [...tasks].sort((a, b) => a.position - b.position) : ordered(tasks, order, false, now);
  const rows = sorted.map((task): TimeRow => ({ key: task.vm_id, task }));
  if (order !== 'job') return rows;
  let at = 0;
  for (const wave of wavesOf(job, tasks)) {
    rows.splice(at, 0, { key: `wave ${wave.name}`, wave });
    at += wave.total + 1;
  }
  return rows;
}

/** Where a task stands on the axis, in parts of it: until `from` it waits (to the end if that is null), until `to` it works. */
export interface TimeBar {
  from: number | null;
  to: number;
}

export function barOf(task: Task, span: { from: number; to: number }, axis: Axis): TimeBar {
  const scale = Math.min(1, Math.max(1, span.to - span.from) / axis.end);
  const place = placeInTime(task, span);
  if (place) return { from: place.from * scale, to: place.to * scale };
  const waits = placeInTime({ started_at: new Date(span.from).toISOString(), finished_at: task.finished_at }, span);
  return { from: null, to: (waits?.to ?? 1) * scale };
}

/** What stands beside a bar: how long it took, and a word where it did not just go well. */
export function besideBar(task: Task, now: number): { took: string; outcome: string } {
  const took = tookOf(task, now);
  if (took < 0) return { took: '', outcome: isFinal(task.status) ? (task.status === 'cancelled' ? 'not begun' : outcomeOf(task)) : 'waits' };
  const quiet = task.status === 'succeeded' || (task.status === 'running' && task.cancel_requested_at === null);
  const outcome = task.contact_lost_at ? 'out of reach' : quiet ? '' : task.status === 'failed' ? outcomeOf(task) : taskLabel(task).toLowerCase();
  return { took: formatDuration(took), outcome };
}

/** A row in words: `web-1: failed, exit 7, began after 2.1 s, took 3.4 s`. */
export function barSaid(task: Task, span: { from: number; to: number }): string {
  const took = tookOf(task, span.to);
  const parts = [taskLabel(task).toLowerCase()];
  if (task.status === 'failed' && outcomeOf(task) !== 'failed') parts.push(outcomeOf(task));
  if (task.contact_lost_at) parts.push('out of reach');
  if (took < 0) parts.push(isFinal(task.status) ? 'did not begin' : `waits for ${formatDuration(span.to - span.from)}`);
  else parts.push(`began after ${formatDuration(Math.max(0, Date.parse(task.started_at!) - span.from))}`, isFinal(task.status) ? `took ${formatDuration(took)}` : `at work for ${formatDuration(took)}`);
  return `${task.vm_name}: ${parts.join(', ')}`;
}

/** What there is to see in a sentence, from the machines that have ended; empty while those are fewer than two. */
export function timelineSaid(tasks: readonly Task[]): string {
  const ended = tasks.filter((task) => task.started_at && task.finished_at).map((task) => ({ task, ms: tookOf(task, 0) }));
  if (ended.length < 2) return '';
  ended.sort((a, b) => a.ms - b.ms);
  const half = ended[Math.ceil(ended.length / 2) - 1]!;
  const slowest = ended.at(-1)!;
  return `Half took ${formatDuration(half.ms)} or less; the slowest, ${slowest.task.vm_name}, took ${formatDuration(slowest.ms)}.`;
}
