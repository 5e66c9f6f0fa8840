// A log that grows by as many lines a second as a job's command says: `hose 100000`. Its lines are not kept but made when they are
// asked for, and sent as frames that are made once, so that the made-up host has time left for what is to be measured.
import { frame } from './mock-frame.mjs';

/** Lines of a frame. */
const FRAME_LINES = 100;
/** A viewer that is further behind is skipped ahead, as the host does it. */
const BEHIND_MAX = 50_000;

const rateOf = (job) => Number(/^hose (\d+)/.exec(job.command.script ?? '')?.[1] ?? 0);
export const isHose = (job) => rateOf(job) > 0;

const lineOf = (n, at) => ({ n, at, text: `${n} \u001b[32mGET\u001b[0m /api/orders/${n % 977} ${n % 9 === 3 ? '\u001b[33m404' : '200'}\u001b[0m request_id=${(n * 7919).toString(16)} took ${n % 230} ms`, stderr: n % 50 === 7, partial: false });

export function openHose(job) {
  const began = Date.now();
  const rate = rateOf(job);
  let ended = null;
  const total = () => Math.floor((((ended ?? Date.now()) - began) * rate) / 1000);
  /** One frame, of which only channel, number and time are written anew. */
  const ready = frame(0, Array.from({ length: FRAME_LINES }, (_, i) => lineOf(i, began)));
  return {
    watchers: new Set(),
    watch: new Set(),
    total,
    complete: () => ended !== null,
    line: (n) => lineOf(n, began + Math.floor((n * 1000) / rate)),
    end: () => (ended = Date.now()),
    get lines() { return { length: total() }; },
    /** Sends whole frames as far as the credit goes. */
    frames(channel, next, credit, send) {
      const end = total();
      const from = end - next > BEHIND_MAX ? end - FRAME_LINES : next;
      let at = from;
      while (end - at >= FRAME_LINES && credit - (at - from) >= FRAME_LINES) {
        const data = Buffer.from(ready);
        data.writeUInt32LE(channel, 4);
        data.writeBigUInt64LE(BigInt(at), 8);
        data.writeBigInt64LE(BigInt(Date.now()), 20);
        send(data);
        at += FRAME_LINES;
      }
      return { from, next: at, lines: at - from, skipped: from - next };
    }
  };
}
