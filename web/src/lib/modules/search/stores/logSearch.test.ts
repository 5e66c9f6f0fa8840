import { describe, expect, it, vi } from 'vitest';
import { ApiError, type SearchMessage } from '$lib/core/clients';
import type { SearchQuery, SearchService } from '$lib/modules/log';
import { NO_FILTER } from '../types';
import { HITS_FIRST, HITS_MAX, LogSearch } from './logSearch.svelte';

const hit = (n: number, job = 'j', vm = 'v'): SearchMessage => ({ type: 'hit', job_id: job, vm_id: vm, vm_name: vm, job_created_at: '', ranges: [], before: [], after: [], line: { n, at: '', stream: 'stdout', text: 'x', annotations: {}, changed_by: [] } });
const end = (hits: number, more = {}) => ({ type: 'end', lines: 900, bytes: 9000, hits, removed: 0, limited: false, error: null, ...more }) as SearchMessage;
const filter = { ...NO_FILTER, q: 'x' };

function make(run: (query: SearchQuery, signal: AbortSignal) => AsyncGenerator<SearchMessage[], void>) {
  const frames: (() => void)[] = [];
  const asked = vi.fn(run);
  let now = 0;
  const search = new LogSearch({ search: { search: asked } as unknown as SearchService, now: () => (now += 40), nextFrame: (paint) => void frames.push(paint) });
  const shown = () => search.jobs.map((job) => `${job.job}: ${job.tasks.map((task) => `${task.vm} ${task.hits.length}`).join(', ')}`);
  return { search, asked, shown, frames, paint: () => frames.splice(0).forEach((frame) => frame()) };
}

describe('LogSearch', () => {
  it('shows what is found while it goes on, once a picture', async () => {
    let go = () => undefined as void;
    const { search, shown, frames, paint } = make(async function* () {
      yield [hit(1), hit(2)];
      yield [hit(3, 'j', 'w'), { type: 'progress', tasks: 1, lines: 400, bytes: 4000, hits: 3 }];
      await new Promise<void>((resolve) => (go = resolve));
      yield [hit(9, 'k'), end(4)];
    });
    const running = search.run(filter, '?q=x');
    await vi.waitFor(() => expect(search.progress.lines).toBe(400));
    expect(frames).toHaveLength(1);
    paint();
    expect([search.state, shown()]).toEqual(['searching', ['j: v 2, w 1']]);
    const before = search.jobs[0]!.tasks[0];
    go();
    await running;
    expect([search.state, search.progress, shown(), search.tookMs]).toEqual(['done', { tasks: 1, lines: 900, bytes: 9000, hits: 4 }, ['j: v 2, w 1', 'k: v 1'], 40]);
    // What did not change is the same object, and is not drawn again.
    expect(search.jobs[0]!.tasks[0]).toBe(before);
  });

  it('is cancelled on the host too, and keeps what was found', async () => {
    let ended = false;
    const { search, shown } = make(async function* (_, signal) {
      yield [hit(1)];
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      ended = true;
    });
    const running = search.run(filter, '');
    await vi.waitFor(() => expect(search.progress.hits).toBe(1));
    search.cancel();
    await running;
    expect([ended, search.state, shown()]).toEqual([true, 'cancelled', ['j: v 1']]);
  });

  it('lets no late answer into another search', async () => {
    let first = () => undefined as void;
    const { search, asked, shown } = make(async function* (query) {
      if (query.q === 'slow') await new Promise<void>((resolve) => (first = resolve));
      yield [hit(1, query.q), end(1)];
    });
    const slow = search.run({ ...filter, q: 'slow' }, '1');
    await search.run({ ...filter, q: 'quick' }, '2');
    first();
    await slow;
    expect([shown(), search.asked, asked.mock.calls.length]).toEqual([['quick: v 1'], '2', 2]);
  });

  it('says which field is wrong, and what broke', async () => {
    const refused = make(async function* () {
      yield await Promise.reject(new ApiError(422, 'Invalid', 'q: no', { q: 'is no regular expression: unclosed group at character 2' }));
    });
    await refused.search.run(filter, '');
    expect([refused.search.state, refused.search.field, refused.search.error]).toEqual(['failed', 'q', 'is no regular expression: unclosed group at character 2']);
    const broken = make(async function* () {
      yield [hit(1)];
    });
    await broken.search.run(filter, '');
    expect([broken.search.state, broken.shown()]).toEqual(['failed', ['j: v 1']]);
    expect(broken.search.error).toMatch(/broke off/);
  });

  it('stops at a limit and takes more when that is wanted, up to a bound', async () => {
    const { search, asked } = make(async function* () {
      yield [hit(1), end(1, { limited: true })];
    });
    await search.run(filter, '');
    const limits = [];
    for (let turn = 0; search.canShowMore; turn++) {
      expect(turn).toBeLessThan(10);
      await search.more(filter);
      limits.push(asked.mock.calls.at(-1)![0].limit);
    }
    expect(limits).toEqual([HITS_FIRST * 4, HITS_MAX]);
  });

  it('tells of lines that were not searched', async () => {
    const { search } = make(async function* () {
      yield [{ type: 'damaged', job_id: 'j', vm_id: 'v', first: 3, count: 20 }, end(0, { removed: 4 })];
    });
    await search.run(filter, '');
    expect([search.damaged, search.removed]).toEqual([20, 4]);
  });
});
