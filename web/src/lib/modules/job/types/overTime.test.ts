import { describe, expect, it } from 'vitest';
import { makeJob, makeTask } from '$lib/test/fakes';
import type { Task, TaskStatus } from '$lib/core/clients';
import { ageMark, cellSaid, machineRuns, overTimeSaid, runSaid } from './overTime';

const NOW = Date.parse('2026-01-02T00:00:00.000Z');
const ago = (hours: number, seconds = 0) => new Date(NOW - hours * 3_600_000 + seconds * 1000).toISOString();
const SIGNS: Record<string, TaskStatus> = { '+': 'succeeded', x: 'failed', u: 'unreachable', t: 'timed_out', '?': 'unknown', '-': 'cancelled', '>': 'running' };

/** Runs from a text for each machine, oldest first; a space: it was not in that one, a dot: that one is not here yet. */
function runsOf(machines: Record<string, string>) {
  const names = Object.keys(machines);
  const count = machines[names[0]!]!.length;
  const runs = Array.from({ length: count }, (_, n) => {
    if (names.some((name) => machines[name]![n] === '.')) return { byVm: null };
    const tasks = names.flatMap((vm, position): [string, Task][] => {
      const status = SIGNS[machines[vm]![n]!];
      return status ? [[vm, makeTask(`${n}`, vm, { position, status })]] : [];
    });
    return { byVm: new Map(tasks) };
  });
  return machineRuns(names.map((vm, position) => makeTask('now', vm, { position })), runs);
}

describe('machineRuns', () => {
  it('has those first that failed most, then those that failed last, then those of which it is not clear', () => {
    const rows = runsOf({ a: '++++', b: 'x+++', c: '++u+', d: 'xt++', e: '?+++' });
    expect(rows.map((row) => [row.name, row.failed, row.of])).toEqual([['d', 2, 4], ['c', 1, 4], ['b', 1, 4], ['e', 0, 4], ['a', 0, 4]]);
  });

  it('counts only runs in which a machine had its say', () => {
    const [row] = runsOf({ a: 'x -x>' });
    expect([row!.failed, row!.of]).toEqual([2, 2]);
    expect(row!.cells.map((task) => task?.status)).toEqual(['failed', undefined, 'cancelled', 'failed', 'running']);
  });

  it('tells a run that is not here yet from one without the machine', () => {
    expect(runsOf({ a: '. +' })[0]!.cells.map((task) => task && task.status)).toEqual([null, undefined, 'succeeded']);
  });
});

describe('overTimeSaid', () => {
  const said = (machines: Record<string, string>, newest = true) => overTimeSaid(runsOf(machines), Object.values(machines)[0]!.length, newest);

  it('names the machines that fail, and how often', () => {
    expect(said({ 'web-1': '++++', 'db-02': 'x+x+' })).toBe('db-02 failed in 2 of the last 4 runs; none of the others did.');
    expect(said({ 'web-1': '+++x', 'db-02': 'x+x+' })).toBe('db-02 failed in 2 of the last 4 runs, web-1 in 1.');
    expect(said({ a: '+++x', b: '++x+', c: 'xx++', d: 'x+++' })).toBe('c failed in 2 of the last 4 runs, a in 1, and 2 others at least once.');
    expect(said({ a: '++', b: '++' })).toBe('None of these machines failed in the last 2 runs.');
  });

  it('says when it is each time, and when it was not in all runs', () => {
    expect(said({ a: 'xxx', b: '+++' })).toBe('a failed in each of the last 3 runs; none of the others did.');
    expect(said({ a: ' xx', b: '+++' })).toBe('a failed in each of its last 2 runs; none of the others did.');
    expect(said({ a: '  x' })).toBe('a failed in 1 of its last 1 run.');
  });

  it('does not call runs the last ones that are older', () => {
    expect(said({ a: 'x+', b: '++' }, false)).toBe('a failed in 1 of the 2 runs up to this one; none of the others did.');
    expect(said({ a: '++' }, false)).toBe('None of these machines failed in the 2 runs up to this one.');
  });
});

describe('in words', () => {
  const job = makeJob('j', { status: 'failed', targets: ['a', 'b'], created_at: ago(3), started_at: ago(3), finished_at: ago(3, 12) });

  it('a cell says machine, run and outcome', () => {
    const task = makeTask('j', 'a', { status: 'failed', exit_code: 3, started_at: ago(3), finished_at: ago(3, 2.1) });
    expect(cellSaid('web-1', job, task, NOW)).toBe('web-1, 3 h ago: failed, exit 3, took 2.1 s');
    expect(cellSaid('web-1', job, { ...task, status: 'succeeded', exit_code: 0 }, NOW)).toBe('web-1, 3 h ago: succeeded, took 2.1 s');
    expect(cellSaid('web-1', job, { ...task, status: 'running', finished_at: null }, NOW)).toBe('web-1, 3 h ago: running, for 3h 00m');
    expect(cellSaid('web-1', job, { ...task, status: 'cancelled', started_at: null }, NOW)).toBe('web-1, 3 h ago: cancelled, did not begin');
    expect(cellSaid('web-1', job, undefined, NOW)).toBe('web-1, 3 h ago: was not in this run');
    expect(cellSaid('web-1', job, null, NOW)).toBe('web-1, 3 h ago: not read yet');
  });

  it('a run says when it was, how it went and how long it took', () => {
    expect(runSaid(job, NOW)).toBe('3 h ago: failed, 2 machines, took 12 s');
    expect(runSaid({ ...job, status: 'queued', started_at: null, finished_at: null }, NOW)).toBe('3 h ago: queued, 2 machines');
  });

  it('an age is three signs', () => {
    expect([0, 0.2, 3.9, 30, 24 * 8].map((hours) => ageMark(ago(hours), NOW))).toEqual(['<1m', '12m', '3h', '1d', '1w']);
  });
});
