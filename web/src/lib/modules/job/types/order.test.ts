import { describe, expect, it } from 'vitest';
import { makeTask } from '$lib/test/fakes';
import { ordered, tookOf } from './order';

const NOW = Date.parse('2026-01-01T00:01:00.000Z');
const at = (seconds: number) => new Date(NOW - 60_000 + seconds * 1000).toISOString();
const TASKS = [
  makeTask('1', 'b', { position: 0, status: 'succeeded', lines: 3, started_at: at(0), finished_at: at(5) }),
  makeTask('1', 'a', { position: 1, status: 'unknown', lines: 9, started_at: at(1), finished_at: at(2) }),
  makeTask('1', 'web-10', { position: 2, status: 'failed', lines: 3, started_at: at(0), finished_at: at(30) }),
  makeTask('1', 'web-9', { position: 3, status: 'running', started_at: at(0) }),
  makeTask('1', 'c', { position: 4, status: 'queued' })
];
const names = (...how: [Parameters<typeof ordered>[1], boolean?]) => ordered(TASKS, how[0], how[1] ?? false, NOW).map((task) => task.vm_name);

describe('the order of a job’s machines', () => {
  it('has trouble first and the rest as the job has it', () => {
    expect(names('trouble')).toEqual(['web-10', 'a', 'b', 'web-9', 'c']);
  });

  it('is by name as people count, by lines, by how long it took', () => {
    expect(names('machine')).toEqual(['a', 'b', 'c', 'web-9', 'web-10']);
    expect(names('lines')).toEqual(['a', 'b', 'web-10', 'web-9', 'c']);
    expect(names('took')).toEqual(['web-9', 'web-10', 'b', 'a', 'c']);
    expect(names('took', true)).toEqual(['c', 'a', 'b', 'web-10', 'web-9']);
    expect(names('status')).toEqual(['web-10', 'a', 'web-9', 'c', 'b']);
  });

  it('leaves what it was given as it was', () => {
    const before = [...TASKS];
    names('took');
    expect(TASKS).toEqual(before);
    expect(tookOf(TASKS[4]!, NOW)).toBe(-1);
  });
});
