import { describe, expect, it, vi } from 'vitest';
import { ApiError, type SearchMessage } from '$lib/core/clients';
import type { SearchQuery, SearchService } from '../services/SearchService';
import { LogFind } from './logFind.svelte';

const hit = (n: number): SearchMessage => ({ type: 'hit', job_id: 'j', vm_id: 'v', vm_name: 'v', job_created_at: '', ranges: [[2, 5]], before: [], after: [], line: { n, at: '', stream: 'stdout', text: 'x', annotations: {}, changed_by: [] } });
const end = (hits: number, more: Partial<Extract<SearchMessage, { type: 'end' }>> = {}) => ({ type: 'end', lines: 900, bytes: 1, hits, removed: 0, limited: false, error: null, ...more }) as SearchMessage;

function make(run: (query: SearchQuery, signal: AbortSignal) => AsyncGenerator<SearchMessage[], void>) {
  const search = vi.fn(run);
  const find = new LogFind('j', 'v', { search: { search } as unknown as SearchService });
  find.text = 'some';
  return { find, search };
}

describe('LogFind', () => {
  it('goes to the first hit from where one looks, and from one to the next around the ends', async () => {
    const { find, search } = make(async function* () {
      yield [hit(10), hit(20)];
      yield [hit(300), { type: 'progress', tasks: 0, lines: 500, bytes: 1, hits: 3 }];
      yield [end(3)];
    });
    await find.start(15);
    expect(search.mock.calls[0]![0]).toMatchObject({ q: 'some', regex: false, ignoreCase: true, job: 'j', vm: 'v' });
    expect([find.current, find.position, find.count, find.searched, find.state]).toEqual([20, 2, 3, 900, 'done']);
    const walked = [];
    for (const by of [1, 1, -1, -1, -1] as const) {
      find.step(by);
      walked.push(find.current);
    }
    expect(walked).toEqual([300, 10, 300, 20, 10]);
    expect(find.of(20)).toEqual([[2, 5]]);
    expect(find.of(21)).toBeUndefined();
  });

  it('goes through lines of a kind, with a text or without', async () => {
    const { find, search } = make(async function* () {
      yield [hit(10), end(1)];
    });
    find.among = 'error';
    await find.start(0);
    expect(search.mock.calls[0]![0]).toMatchObject({ q: 'some', annotations: 'level>=error' });
    find.text = '';
    find.among = 'stderr';
    expect(find.fresh).toBe(false);
    await find.start(0);
    expect(search.mock.calls[1]![0]).toMatchObject({ q: '', stream: 'stderr' });
    expect(search.mock.calls[1]![0].annotations).toBeUndefined();
    expect(find.current).toBe(10);
    find.among = '';
    await find.start(0);
    expect([search.mock.calls.length, find.count]).toEqual([2, 0]);
  });

  it('begins anew from the top if there is nothing below', async () => {
    const { find } = make(async function* () {
      yield [hit(10), end(1)];
    });
    await find.start(500);
    expect(find.current).toBe(10);
  });

  it('can be cancelled, and keeps what it found', async () => {
    let aborted = false;
    const { find } = make(async function* (_, signal) {
      yield [hit(10)];
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      aborted = true;
      yield [hit(20)];
    });
    const searching = find.start(0);
    await vi.waitFor(() => expect(find.count).toBe(1));
    expect(find.state).toBe('searching');
    find.cancel();
    await searching;
    expect([aborted, find.state, find.count, find.current]).toEqual([true, 'done', 1, 10]);
  });

  it('knows whether what stands in the field is what was searched for', async () => {
    const { find } = make(async function* () {
      yield [end(0)];
    });
    expect(find.fresh).toBe(false);
    await find.start(0);
    expect(find.fresh).toBe(true);
    find.regex = true;
    expect(find.fresh).toBe(false);
  });

  it('says what is wrong with an expression, and when the search broke off', async () => {
    const refused = make(async function* () {
      yield await Promise.reject(new ApiError(422, 'Invalid', 'q: is no regular expression: unclosed group at character 2'));
    });
    await refused.find.start(0);
    expect([refused.find.state, refused.find.error]).toEqual(['failed', 'is no regular expression: unclosed group at character 2']);
    const broken = make(async function* () {
      yield [hit(1)];
    });
    await broken.find.start(0);
    expect([broken.find.state, broken.find.count]).toEqual(['failed', 1]);
  });

  it('tells of a limit and of damage', async () => {
    const { find } = make(async function* () {
      yield [{ type: 'damaged', job_id: 'j', vm_id: 'v', first: 3, count: 20 }, hit(40), end(1, { limited: true })];
    });
    await find.start(0);
    expect([find.damaged, find.limited]).toEqual([20, true]);
  });
});
