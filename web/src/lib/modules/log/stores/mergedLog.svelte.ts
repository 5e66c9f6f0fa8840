import type { WebSocketClient } from '$lib/core/clients';
import type { LineSource, ShownLine } from '../types';

/** Lines kept of all machines together; the oldest go first. Each machine's own log has them all. */
export const MERGED_LINES_MAX = 20_000;
const TRIM_LINES = 4000;
/** How many machines are read at once: the socket carries 64 channels, and others need some. */
export const MERGED_TASKS_MAX = 48;
const TAIL_LINES = 200;
const CREDIT_LINES = 2000;

export interface MergedTask {
  vm: string;
  name: string;
}

export interface MergedLogDeps {
  socket: WebSocketClient;
  nextFrame: (run: () => void) => void;
}

/** The latest output of several tasks of a job, by the time at which the host received each line. */
export class MergedLog implements LineSource {
  version = $state(0);
  total = $state(0);
  complete = $state(false);
  error = $state('');

  private lines: ShownLine[] = [];
  private incoming: ShownLine[] = [];
  private readonly channels = new Map<string, number>();
  private readonly taken = new Map<string, number>();
  private dirty = false;
  private open = 0;

  constructor(
    private readonly job: string,
    tasks: readonly MergedTask[],
    private readonly deps: MergedLogDeps
  ) {
    for (const task of tasks.slice(0, MERGED_TASKS_MAX)) this.subscribe(task);
  }

  close(): void {
    for (const ch of this.channels.values()) this.deps.socket.close(ch);
    this.channels.clear();
  }

  line(index: number): ShownLine | undefined {
    return this.lines[index];
  }

  want(): void {
    // All that can be shown is here.
  }

  private subscribe({ vm, name }: MergedTask): void {
    this.open++;
    const { socket } = this.deps;
    let last = -1;
    const opened = socket.open({
      open: (ch) => {
        this.channels.set(vm, ch);
        queueMicrotask(() => socket.credit(ch, CREDIT_LINES));
        return { t: 'subscribe', ch, topic: 'log', job: this.job, vm, from: -TAIL_LINES };
      },
      frame: (frame) => {
        // After a reconnection the tail comes again; what is here already is left out.
        for (const line of frame.lines) if (line.n > last) this.incoming.push({ ...line, vm: name });
        last = Math.max(last, frame.firstLine + frame.lines.length - 1);
        this.taken.set(vm, (this.taken.get(vm) ?? 0) + frame.lines.length);
        this.changed();
      },
      message: (message) => {
        if (message.t !== 'end' && message.t !== 'error') return;
        if (message.t === 'error') this.error = message.message;
        this.channels.delete(vm);
        this.complete = --this.open === 0;
        this.changed();
      }
    });
    if (!this.channels.has(vm)) this.channels.set(vm, opened);
  }

  private changed(): void {
    if (this.dirty) return;
    this.dirty = true;
    this.deps.nextFrame(() => {
      this.dirty = false;
      this.merge();
      for (const [vm, lines] of this.taken) {
        const ch = this.channels.get(vm);
        if (ch !== undefined) this.deps.socket.credit(ch, lines);
      }
      this.taken.clear();
      this.version++;
    });
  }

  private merge(): void {
    if (this.incoming.length === 0) return;
    const before = this.lines.at(-1)?.at ?? 0;
    let sorted = true;
    let at = before;
    for (const line of this.incoming) {
      sorted &&= line.at >= at;
      at = line.at;
      this.lines.push(line);
    }
    this.incoming = [];
    // Stable, so that a machine's own lines keep their order.
    if (!sorted) this.lines.sort((a, b) => a.at - b.at);
    if (this.lines.length > MERGED_LINES_MAX) this.lines.splice(0, this.lines.length - MERGED_LINES_MAX + TRIM_LINES);
    this.total = this.lines.length;
  }
}
