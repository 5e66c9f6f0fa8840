import { describe, expect, it } from 'vitest';
import { makeJob, makeTask } from '$lib/test/fakes';
import { isClean, receiptWord, retryChoices, shareOf, wavesOf } from '.';

const RECEIPT = { at: '', signalled: 4, killed: 1, gone: 4, survivors: [], unknown: '', message: '' };

describe('shareOf', () => {
  it('counts as the host does: rounded up, never none', () => {
    expect([shareOf(5, 100), shareOf('25%', 10), shareOf('1%', 10), shareOf('100%', 10)]).toEqual([5, 3, 1, 10]);
  });
});

describe('wavesOf', () => {
  const targets = ['a', 'b', 'c', 'd', 'e'];
  const tasks = targets.map((vm, position) => makeTask('j', vm, { position, status: 'queued' }));

  it('is empty where all go at once', () => {
    expect(wavesOf(makeJob('j', { targets }), tasks)).toEqual([]);
  });

  it('has a canary, then batches, each where it stands', () => {
    const job = makeJob('j', { targets, canary: 1, batch: { size: 2 } });
    const now = tasks.map((task, i) => ({ ...task, status: (['succeeded', 'failed', 'running', 'queued', 'queued'] as const)[i]! }));
    expect(wavesOf(job, now).map(({ name, total, done, trouble, state }) => [name, total, done, trouble, state])).toEqual([
      ['Canary', 1, 1, 0, 'done'],
      ['Batch 1 of 2', 2, 1, 1, 'running'],
      ['Batch 2 of 2', 2, 0, 0, 'waiting']
    ]);
  });

  it('tells a wave that never began from one that is done', () => {
    const job = makeJob('j', { targets, canary: '20%' });
    const now = tasks.map((task, i) => ({ ...task, status: i === 0 ? ('failed' as const) : ('cancelled' as const) }));
    expect(wavesOf(job, now).map((wave) => [wave.name, wave.state])).toEqual([['Canary', 'done'], ['The rest', 'stopped']]);
  });
});

describe('retryChoices', () => {
  it('counts what would run again and says why there is nothing', () => {
    const tasks = [
      makeTask('j', 'a', { status: 'failed' }),
      makeTask('j', 'b', { status: 'timed_out' }),
      makeTask('j', 'c', { status: 'cancelled', started_at: null }),
      makeTask('j', 'd', { status: 'cancelled', started_at: '2026-01-01T00:00:00Z' })
    ];
    const choices = retryChoices(makeJob('j', { status: 'failed', targets: ['a', 'b', 'c', 'd'] }), tasks);
    expect(choices.map(({ which, count, reason }) => [which, count, reason])).toEqual([
      ['all', 4, ''],
      ['failed', 2, ''],
      ['unreachable', 0, 'All were reached'],
      ['not_started', 1, ''],
      ['unknown', 0, 'The end of all is known']
    ]);
  });

  it('does not offer everything while the job is at work', () => {
    expect(retryChoices(makeJob('j'), [])[0]!.reason).toBe('The job is still at work');
  });
});

describe('receipt', () => {
  it('is clean only if nothing is left and all is known', () => {
    expect(isClean(RECEIPT)).toBe(true);
    expect(isClean({ ...RECEIPT, survivors: [4711] })).toBe(false);
    expect(isClean({ ...RECEIPT, unknown: 'the machine does not answer' })).toBe(false);
    expect(receiptWord({ ...RECEIPT, survivors: [4711] })).toBe('1 still there');
    expect(receiptWord({ ...RECEIPT, signalled: 0, gone: 0 })).toBe('nothing was left');
  });
});
