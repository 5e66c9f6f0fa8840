import type { Job, Task } from '$lib/core/clients';
import { formatAgo, formatDuration, plural } from '$lib/shared/utils';
import { tookOf } from './order';
import { isFinal, JOB_LABEL, outcomeOf, TASK_TONE, taskLabel } from './status';

/** One machine in several runs of the same thing. */
export interface MachineRuns {
  vm: string;
  name: string;
  /** How it fared in each run; undefined: it was not in that one; null: that one has not been read yet. */
  cells: readonly (Task | undefined | null)[];
  /** In how many it failed, of how many in which it had its say. */
  failed: number;
  of: number;
}

/** A run, as far as a row needs it: its tasks by machine, or null until they are here. */
export interface RunTasks {
  byVm: ReadonlyMap<string, Task> | null;
}

const failedIn = (task: Task | undefined | null) => task != null && TASK_TONE[task.status] === 'bad';
/** One that was cancelled or never begun says nothing about its machine. */
const hadItsSay = (task: Task | undefined | null) => task != null && isFinal(task.status) && task.status !== 'cancelled';

/** A job's machines in several runs, those that failed most first, then those that failed last. */
export function machineRuns(tasks: readonly Task[], runs: readonly RunTasks[]): MachineRuns[] {
  const rows = tasks.map(({ vm_id, vm_name, position }) => {
    const cells = runs.map(({ byVm }) => byVm && byVm.get(vm_id));
    return {
      position,
      latest: cells.findLastIndex(failedIn),
      unclear: cells.filter((task) => task?.status === 'unknown').length,
      row: { vm: vm_id, name: vm_name, cells, failed: cells.filter(failedIn).length, of: cells.filter(hadItsSay).length }
    };
  });
  rows.sort((a, b) => b.row.failed - a.row.failed || b.latest - a.latest || b.unclear - a.unclear || a.position - b.position);
  return rows.map(({ row }) => row);
}

/** What there is to see in a sentence: `db-02 failed in 4 of the last 10 runs, web-1 in 2.` Rows come with trouble first. `newest`: whether the runs are the last ones. */
export function overTimeSaid(rows: readonly MachineRuns[], runs: number, newest = true): string {
  const all = newest ? `the last ${plural(runs, 'run')}` : `the ${plural(runs, 'run')} up to this one`;
  const troubled = rows.filter((row) => row.failed > 0);
  const [first, second] = troubled;
  if (!first) return `None of these machines failed in ${all}.`;
  const always = first.failed === first.of && first.of > 1;
  const among = first.of === runs ? `of ${all}` : `of its last ${plural(first.of, 'run')}`;
  const said = `${first.name} failed in ${always ? 'each' : first.failed} ${among}`;
  if (!second) return rows.length > 1 ? `${said}; none of the others did.` : `${said}.`;
  const others = troubled.length - 2;
  return `${said}, ${second.name} in ${second.failed}${others > 0 ? `, and ${plural(others, 'other')} at least once` : ''}.`;
}

/** A cell in words: `web-1, 3 h ago: failed, exit 3, took 2.1 s`. */
export function cellSaid(name: string, job: Job, task: Task | undefined | null, now: number): string {
  const begin = `${name}, ${formatAgo(job.created_at, now)}`;
  if (task === null) return `${begin}: not read yet`;
  if (task === undefined) return `${begin}: was not in this run`;
  const parts = [taskLabel(task).toLowerCase()];
  if (task.status === 'failed' && outcomeOf(task) !== 'failed') parts.push(outcomeOf(task));
  const took = tookOf(task, now);
  parts.push(took < 0 ? (isFinal(task.status) ? 'did not begin' : 'waits') : isFinal(task.status) ? `took ${formatDuration(took)}` : `for ${formatDuration(took)}`);
  return `${begin}: ${parts.join(', ')}`;
}

/** A run in words: `3 h ago: failed, 24 machines, took 12 s`. */
export function runSaid(job: Job, now: number): string {
  const took = tookOf(job, now);
  const parts = [JOB_LABEL[job.status].toLowerCase(), plural(job.targets.length, 'machine')];
  if (took >= 0) parts.push(`${isFinal(job.status) ? 'took' : 'for'} ${formatDuration(took)}`);
  return `${formatAgo(job.created_at, now)}: ${parts.join(', ')}`;
}

const AGES = [
  { ms: 7 * 86_400_000, sign: 'w' },
  { ms: 86_400_000, sign: 'd' },
  { ms: 3_600_000, sign: 'h' },
  { ms: 60_000, sign: 'm' }
] as const;

/** How long ago, where there is room for three signs: `12m`, `3h`, `2d`, `5w`, `<1m`. */
export function ageMark(time: string, now: number): string {
  const ms = Math.max(0, now - Date.parse(time));
  const age = AGES.find((each) => ms >= each.ms);
  return age ? `${Math.floor(ms / age.ms)}${age.sign}` : '<1m';
}
