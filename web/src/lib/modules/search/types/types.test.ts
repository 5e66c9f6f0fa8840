import { describe, expect, it } from 'vitest';
import type { FoundLine, SearchHit } from '$lib/core/clients';
import { logsPath } from '$lib/core/routing';
import { addHit, addressOf, filterOf, isAsking, narrowing, NO_FILTER, placeOf, queryOf, rowsOf, type JobHits, type SearchFilter } from '.';

const line = (n: number): FoundLine => ({ n, at: '', stream: 'stdout', text: `line ${n}`, annotations: {}, changed_by: [] });
const hit = (n: number, job = 'j', vm = 'v', context = 0): SearchHit => ({
  job_id: job, vm_id: vm, vm_name: vm, job_created_at: '', ranges: [[0, 4]], line: line(n),
  before: Array.from({ length: Math.min(context, n) }, (_, i) => line(n - Math.min(context, n) + i)),
  after: Array.from({ length: context }, (_, i) => line(n + 1 + i))
});

describe('a search filter', () => {
  const all: SearchFilter = { q: 'a & b?', regex: true, matchCase: true, job: 'j', vm: 'v', template: 'saved/x', stream: 'stderr', level: 'warn', annotations: 'status>=500', range: 'custom', since: '2026-01-31T12:00', until: '2026-01-31T13:00', context: 5 };

  it('is all in the address, and read from it again', () => {
    const back = (filter: SearchFilter) => filterOf(new URL(logsPath(addressOf(filter)), 'http://x').searchParams);
    expect(back(all)).toEqual(all);
    expect(back(NO_FILTER)).toEqual(NO_FILTER);
    expect(logsPath(addressOf(NO_FILTER))).toBe('/logs');
    expect(logsPath(addressOf({ ...NO_FILTER, q: 'x' }))).toBe('/logs?q=x');
  });

  it('takes no nonsense from an address', () => {
    expect(filterOf(new URLSearchParams('stream=x&range=forever&context=99&regex=maybe'))).toEqual(NO_FILTER);
  });

  it('asks the host for what it says', () => {
    const now = Date.parse('2026-02-01T00:00:00Z');
    expect(queryOf({ ...NO_FILTER, q: 'x', range: '1h', level: 'error', annotations: ' user ' }, now, 500)).toMatchObject({ q: 'x', ignoreCase: true, annotations: 'level>=error,user', since: '2026-01-31T23:00:00.000Z', until: '', limit: 500 });
    expect(queryOf(all, now, 1)).toMatchObject({ since: new Date('2026-01-31T12:00').toISOString(), until: new Date('2026-01-31T13:00').toISOString(), regex: true, ignoreCase: false });
    expect(queryOf({ ...all, since: 'nonsense' }, now, 1).since).toBe('');
    // Times that are kept from before do not count while another range is chosen.
    expect(queryOf({ ...all, range: '' }, now, 1)).toMatchObject({ since: '', until: '' });
  });

  it('knows what is a question, and what narrows it', () => {
    expect([NO_FILTER, { ...NO_FILTER, vm: 'v' }, { ...NO_FILTER, annotations: ' ' }].some(isAsking)).toBe(false);
    expect([{ ...NO_FILTER, q: ' ' }, { ...NO_FILTER, level: 'error' }].every(isAsking)).toBe(true);
    expect(narrowing({ ...NO_FILTER, q: 'x', regex: true, vm: 'v', range: '1h' })).toBe(2);
  });
});

describe('hits', () => {
  it('stand together by job and machine', () => {
    const jobs: JobHits[] = [];
    for (const each of [hit(1, 'a', 'x'), hit(5, 'a', 'x'), hit(2, 'a', 'y'), hit(2, 'b', 'y')]) addHit(jobs, each);
    expect(jobs.map((job) => [job.job, job.tasks.map((task) => [task.vm, task.hits.length])])).toEqual([['a', [['x', 2], ['y', 1]]], ['b', [['y', 1]]]]);
  });

  it('show each line once, with what is around them, and where lines are left out', () => {
    const rows = rowsOf([hit(1, 'j', 'v', 2), hit(3, 'j', 'v', 2), hit(20, 'j', 'v', 1)]);
    expect(rows.map((row) => [row.line.n, row.ranges !== undefined, row.gap])).toEqual([
      [0, false, false], [1, true, false], [2, false, false], [3, true, false], [4, false, false], [5, false, false],
      [19, false, true], [20, true, false], [21, false, false]
    ]);
  });
});

describe('what is wrong with an expression', () => {
  it('is told with its place', () => {
    expect(placeOf('q: is no regular expression: unclosed group at character 4')).toEqual({ what: 'unclosed group', at: 4 });
    expect(placeOf('is no regular expression: look-around is not supported at character 1')).toEqual({ what: 'look-around is not supported', at: 1 });
    expect(placeOf('has 1 to 4096 bytes')).toEqual({ what: 'has 1 to 4096 bytes', at: null });
  });
});
