import type { WebSocketClient } from '../clients';
import type { EventDispatcher } from './dispatcher';

/** Joins the socket's `state` topic to the dispatcher: resumes where it was, asks for all where that is impossible. */
export function openStateStream(socket: WebSocketClient, dispatcher: EventDispatcher): void {
  let channel = 0;
  socket.open({
    open(ch) {
      channel = ch;
      return { t: 'subscribe', ch, topic: 'state', ...(dispatcher.resumeFrom ?? {}) };
    },
    message(message) {
      if (message.t === 'snapshot') dispatcher.snapshot(message.epoch, message.seq, message.state);
      else if (message.t === 'events') dispatcher.events(message.epoch, message.events);
      else if (message.t === 'bookmark') dispatcher.bookmark(message.epoch);
    }
  });
  dispatcher.onResync(() => socket.reopen(channel));
}
