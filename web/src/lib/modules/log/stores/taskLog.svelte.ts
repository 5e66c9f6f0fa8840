import type { LogFrame, WebSocketClient } from '$lib/core/clients';
import { messageOf } from '$lib/core/state';
import type { LogService } from '../services/LogService';
import type { LineSource, ShownLine } from '../types';
import { LinePages, PAGE_LINES } from './pages';

/** Lines that are asked for at once when a view opens. */
const TAIL_LINES = 400;
/** What the host may send before it hears again; given back at most once a frame of the screen. */
const CREDIT_LINES = 4000;
/** Lines fetched around what is shown. */
const MARGIN_LINES = 150;

export interface TaskLogDeps {
  service: LogService;
  socket: WebSocketClient;
  /** Runs something with the next picture; stops by itself while nobody looks at the page. */
  nextFrame: (run: () => void) => void;
}

/**
 * The output of one task: its end live over the socket, everything else by windows as it is looked at. Both write into
 * the same pages by line number, so there is neither a gap nor a double between history and live; a stretch that the
 * host skipped for a slow viewer is simply a stretch that has not been fetched yet.
 */
export class TaskLog implements LineSource {
  version = $state(0);
  total = $state(0);
  complete = $state(false);
  error = $state('');

  private readonly pages = new LinePages();
  private channel: number | null = null;
  private taken = 0;
  private dirty = false;
  private fetching = false;
  private wanted: { from: number; to: number } | null = null;
  private closed = false;
  private readonly stop = new AbortController();

  constructor(
    readonly job: string,
    readonly vm: string,
    private readonly deps: TaskLogDeps
  ) {}

  /** Subscribes to the end of the log and whatever is added to it. */
  follow(): void {
    if (this.channel !== null || this.closed) return;
    let ch = 0;
    this.channel = this.deps.socket.open({
      open: (number) => {
        ch = number;
        this.channel = number;
        // Credit is a message of its own and must come after the subscription.
        queueMicrotask(() => this.deps.socket.credit(ch, CREDIT_LINES));
        return { t: 'subscribe', ch: number, topic: 'log', job: this.job, vm: this.vm, from: -TAIL_LINES };
      },
      frame: (frame) => this.take(frame),
      message: (message) => {
        if (message.t === 'end') this.finish(message.total);
        else if (message.t === 'damaged') this.damage(message.first, message.count);
        else if (message.t === 'error') this.error = message.message;
      }
    });
  }

  close(): void {
    this.closed = true;
    this.stop.abort();
    if (this.channel !== null) this.deps.socket.close(this.channel);
    this.channel = null;
  }

  line(index: number): ShownLine | undefined {
    return this.pages.get(index);
  }

  want(from: number, to: number): void {
    this.pages.touch(from, to);
    this.wanted = { from, to };
    if (!this.fetching) void this.fetchWanted();
  }

  private take(frame: LogFrame): void {
    for (const line of frame.lines) this.pages.put(line);
    this.total = Math.max(this.total, frame.firstLine + frame.lines.length);
    this.taken += frame.lines.length;
    this.changed();
  }

  private finish(total: number): void {
    this.total = Math.max(this.total, total);
    this.complete = true;
    this.channel = null;
    this.changed();
  }

  private damage(first: number, count: number): void {
    for (let n = first; n < first + Math.min(count, PAGE_LINES * 4); n++) {
      this.pages.put({ n, at: 0, stderr: false, partial: false, text: '', damaged: true });
    }
    this.total = Math.max(this.total, first + count);
    this.changed();
  }

  /** One change for views and one credit for the host, however many frames came. */
  private changed(): void {
    if (this.dirty) return;
    this.dirty = true;
    this.deps.nextFrame(() => {
      this.dirty = false;
      this.version++;
      if (this.channel !== null && this.taken > 0) this.deps.socket.credit(this.channel, this.taken);
      this.taken = 0;
    });
  }

  private async fetchWanted(): Promise<void> {
    this.fetching = true;
    try {
      for (let gap = this.gap(); gap && !this.closed; gap = this.gap()) {
        const window = await this.deps.service.window(this.job, this.vm, gap.from, gap.count, this.stop.signal);
        for (const line of window.lines) this.pages.put(line);
        for (const { first, count } of window.damaged) this.damage(first, count);
        this.total = Math.max(this.total, window.total);
        this.complete ||= window.complete;
        this.error = '';
        this.version++;
        if (window.lines.length === 0 && window.damaged.length === 0) break;
      }
    } catch (cause) {
      if (!this.closed) this.error = messageOf(cause);
    } finally {
      this.fetching = false;
    }
  }

  /** What is to be fetched next: first what is shown, then a margin around it. */
  private gap(): { from: number; count: number } | null {
    if (!this.wanted) return null;
    const to = Math.min(this.total, this.wanted.to);
    const shown = this.pages.missing(this.wanted.from, to, PAGE_LINES);
    if (shown) return { from: shown.from, count: PAGE_LINES };
    return this.pages.missing(
      Math.max(0, this.wanted.from - MARGIN_LINES),
      Math.min(this.total, to + MARGIN_LINES),
      PAGE_LINES
    );
  }
}
