import { describe, expect, it, vi } from 'vitest';
import type { Event } from '../clients';
import { fakeNetwork, makeSnapshot } from '$lib/test/fakes';
import { EventDispatcher } from './dispatcher';
import { openStateStream } from './stateStream';

const removed = (seq: number, id = `vm-${seq}`): Event => ({ seq, epoch: 'e1', at: '', actor: 'host', type: 'vm-removed', id });

function started() {
  const resync = vi.fn();
  const dispatcher = new EventDispatcher(resync);
  const seen: number[] = [];
  dispatcher.on('vm-removed', (event) => seen.push(event.seq));
  dispatcher.snapshot('e1', 10, makeSnapshot());
  return { dispatcher, resync, seen };
}

describe('EventDispatcher', () => {
  it('applies events in order, each once', () => {
    const { dispatcher, seen, resync } = started();
    dispatcher.events('e1', [removed(9), removed(10), removed(11), removed(12)]);
    dispatcher.events('e1', [removed(12), removed(13)]);
    expect(seen).toEqual([11, 12, 13]);
    expect(resync).not.toHaveBeenCalled();
    expect(dispatcher.resumeFrom).toEqual({ epoch: 'e1', seq: 13 });
  });

  it('asks once at a gap and applies nothing until it is answered', () => {
    const { dispatcher, seen, resync } = started();
    dispatcher.events('e1', [removed(11), removed(13), removed(14)]);
    dispatcher.events('e1', [removed(15)]);
    expect(seen).toEqual([11]);
    expect(resync).toHaveBeenCalledOnce();
    expect(dispatcher.resumeFrom).toBeNull();
    dispatcher.snapshot('e1', 20, makeSnapshot());
    dispatcher.events('e1', [removed(21)]);
    expect(seen).toEqual([11, 21]);
  });

  it('asks again when the stream is another one', () => {
    const { dispatcher, resync } = started();
    dispatcher.events('e2', [removed(11)]);
    expect(resync).toHaveBeenCalledOnce();
    const other = started();
    other.dispatcher.bookmark('e2');
    expect(other.resync).toHaveBeenCalledOnce();
  });

  it('counts an event of a type that it does not know', () => {
    const { dispatcher, seen } = started();
    dispatcher.events('e1', [{ ...removed(11), type: 'from-the-future' } as never, removed(12)]);
    expect(seen).toEqual([12]);
  });

  it('applies what comes between two pictures together, and nothing out of order', () => {
    const { client, last, advance } = fakeNetwork();
    const dispatcher = new EventDispatcher();
    const seen: number[] = [];
    const pictures: (() => void)[] = [];
    dispatcher.on('vm-removed', (event) => seen.push(event.seq));
    openStateStream(client, dispatcher, (run) => pictures.push(run));
    client.start();
    last().opens();
    last().says({ t: 'snapshot', ch: 1, epoch: 'e1', seq: 10, state: makeSnapshot() });
    last().says({ t: 'events', ch: 1, epoch: 'e1', events: [removed(11)] });
    last().says({ t: 'events', ch: 1, epoch: 'e1', events: [removed(12)] });
    expect(seen).toEqual([]);
    expect(pictures).toHaveLength(1);
    pictures[0]!();
    expect(seen).toEqual([11, 12]);
    // What was waiting when the socket broke is known when it asks where to go on.
    last().says({ t: 'events', ch: 1, epoch: 'e1', events: [removed(13)] });
    last().breaks();
    advance(20_000);
    last().opens();
    expect(last().of('subscribe')[0]).toMatchObject({ epoch: 'e1', seq: 13 });
    pictures[1]!();
    expect(seen).toEqual([11, 12, 13]);
    // A snapshot stands for everything before it.
    last().says({ t: 'events', ch: 1, epoch: 'e1', events: [removed(14)] });
    last().says({ t: 'snapshot', ch: 1, epoch: 'e1', seq: 20, state: makeSnapshot() });
    pictures.at(-1)!();
    expect(dispatcher.resumeFrom?.seq).toBe(20);
  });

  it('goes on where it was after a reconnection, and asks for all after a gap', () => {
    const { client, last, advance } = fakeNetwork();
    const dispatcher = new EventDispatcher();
    openStateStream(client, dispatcher);
    client.start();
    last().opens();
    expect(last().of('subscribe')[0]).toEqual({ t: 'subscribe', ch: 1, topic: 'state' });
    last().says({ t: 'snapshot', ch: 1, epoch: 'e1', seq: 10, state: makeSnapshot() });
    last().says({ t: 'events', ch: 1, epoch: 'e1', events: [removed(11)] });
    last().breaks();
    advance(20_000);
    last().opens();
    expect(last().of('subscribe')[0]).toMatchObject({ epoch: 'e1', seq: 11 });
    last().says({ t: 'events', ch: 1, epoch: 'e1', events: [removed(15)] });
    const again = last().of('subscribe')[1]!;
    expect(again).not.toHaveProperty('seq');
  });
});
