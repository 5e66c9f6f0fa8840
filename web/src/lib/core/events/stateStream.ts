import type { Event, WebSocketClient } from '../clients';
import type { EventDispatcher } from './dispatcher';

/**
 * Joins the socket's `state` topic to the dispatcher: resumes where it was, asks for all where that is impossible. Events that come
 * between two pictures are applied together with the next one, so that a thousand tasks that move cost one drawing and not a thousand.
 */
export function openStateStream(socket: WebSocketClient, dispatcher: EventDispatcher, soon: (run: () => void) => void = (run) => run()): void {
  let channel = 0;
  let waiting: { epoch: string; events: Event[] }[] = [];

  function flush(): void {
    const due = waiting;
    waiting = [];
    for (const { epoch, events } of due) dispatcher.events(epoch, events);
  }

  socket.open({
    open(ch) {
      // What is resumed from is what was applied.
      flush();
      channel = ch;
      return { t: 'subscribe', ch, topic: 'state', ...(dispatcher.resumeFrom ?? {}) };
    },
    message(message) {
      if (message.t === 'events') {
        waiting.push(message);
        if (waiting.length === 1) soon(flush);
        return;
      }
      flush();
      if (message.t === 'snapshot') dispatcher.snapshot(message.epoch, message.seq, message.state);
      else if (message.t === 'bookmark') dispatcher.bookmark(message.epoch);
    }
  });
  dispatcher.onResync(() => socket.reopen(channel));
}
