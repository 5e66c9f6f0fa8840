import { ApiError, type LogFrame, type WebSocketClient } from '$lib/core/clients';
import { messageOf } from '$lib/core/state';
import { kept } from '../services/keep';
import type { LogService } from '../services/LogService';
import type { Damage, LineSource, ShownLine } from '../types';
import { LinePages, PAGE_LINES } from './pages';

/** Lines that are asked for at once when a view opens. */
const TAIL_LINES = 400;
/** What the host may send before it hears again; given back at most once a frame of the screen. */
const CREDIT_LINES = 4000;
/** The same at the beginning, and text that may be under way then: lines may be of 128 KiB. */
const CREDIT_LINES_FIRST = 200;
const CREDIT_CHARS = 8_000_000;
/** Lines that are copied at once. */
export const COPIED_LINES_MAX = 10_000;
/** What the host answers when output is not kept any more. */
const GONE = 410;
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
  /** The host keeps the output no more: nothing went wrong, and trying again is of no use. */
  removed = $state(false);
  /** What the host left out so that the view keeps up: where that began, and how many lines in all. */
  skipped = $state<Damage | null>(null);

  private readonly pages = new LinePages();
  /** Runs that cannot be read, in no order; there are few. */
  private damages: Damage[] = [];
  private channel: number | null = null;
  /** Lines that the host may still send, and those that came since it was last told. */
  private credit = 0;
  private taken = { lines: 0, chars: 0 };
  private lagged = false;
  /** What came since the last picture is shown with the next one: a view that is drawn for each frame of lines draws many times in vain. */
  private liveEnd = 0;
  private leftOut: Damage | null = null;
  /** More came with the last picture than is kept around what is shown. */
  private rushing = false;
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
        this.credit = CREDIT_LINES_FIRST;
        this.lagged = false;
        // Credit is a message of its own and must come after the subscription.
        queueMicrotask(() => this.deps.socket.credit(ch, CREDIT_LINES_FIRST));
        return { t: 'subscribe', ch: number, topic: 'log', job: this.job, vm: this.vm, from: -TAIL_LINES };
      },
      frame: (frame) => this.take(frame),
      message: (message) => {
        if (message.t === 'end') this.finish(message.total);
        else if (message.t === 'damaged') this.damage(message);
        else if (message.t === 'lag') this.lagged = true;
        else if (message.t === 'error') this.fail(message.message, message.code === 'removed');
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
    return this.pages.get(index) ?? this.damagedLine(index);
  }

  want(from: number, to: number): void {
    this.pages.touch(from, to);
    this.wanted = { from, to };
    if (!this.fetching && this.error === '') void this.fetchWanted();
  }

  /** Somebody wants it tried again. */
  retry(): void {
    this.error = '';
    this.follow();
    if (!this.fetching) void this.fetchWanted();
  }

  /** One line as it was written, however long. */
  async whole(index: number): Promise<ShownLine | undefined> {
    const window = await this.deps.service.window(this.job, this.vm, index, 1, this.stop.signal);
    return window.lines[0] ?? this.damagedLine(index);
  }

  /** Lines as they were written, from one on; as many as are copied at once. */
  async range(from: number, count: number): Promise<ShownLine[]> {
    const lines: ShownLine[] = [];
    for (let next = from, end = from + Math.min(count, COPIED_LINES_MAX); next < end; ) {
      const window = await this.deps.service.window(this.job, this.vm, next, end - next, this.stop.signal);
      lines.push(...window.lines);
      const damage = window.damaged.reduce((most, damaged) => Math.max(most, damaged.first + damaged.count), 0);
      const reached = Math.max(next + window.lines.length, damage);
      if (reached === next) break;
      next = reached;
    }
    return lines;
  }

  private take(frame: LogFrame): void {
    for (const line of frame.lines) {
      this.pages.put(kept(line));
      this.taken.chars += line.text.length;
    }
    if (this.lagged) this.leftOut = { first: this.leftOut?.first ?? this.liveEnd, count: (this.leftOut?.count ?? 0) + frame.firstLine - this.liveEnd };
    this.lagged = false;
    this.liveEnd = frame.firstLine + frame.lines.length;
    this.taken.lines += frame.lines.length;
    this.changed();
  }

  private finish(total: number): void {
    this.total = Math.max(this.total, this.liveEnd, total);
    this.complete = true;
    this.channel = null;
    this.changed();
  }

  private fail(message: string, removed: boolean): void {
    this.error = message;
    this.removed ||= removed;
    this.channel = null;
  }

  private damage({ first, count }: Damage): void {
    if (!this.damages.some((known) => known.first === first && known.count === count)) this.damages.push({ first, count });
    this.total = Math.max(this.total, first + count);
    this.changed();
  }

  private damagedLine(index: number): ShownLine | undefined {
    const damaged = this.damages.find(({ first, count }) => index >= first && index < first + count);
    return damaged && { n: index, at: 0, stderr: false, partial: false, text: '', damaged };
  }

  /** One change for views and one credit for the host, however many frames came. */
  private changed(): void {
    if (this.dirty) return;
    this.dirty = true;
    this.deps.nextFrame(() => {
      this.dirty = false;
      this.rushing = this.taken.lines > MARGIN_LINES;
      this.total = Math.max(this.total, this.liveEnd);
      this.skipped = this.leftOut;
      this.version++;
      this.giveCredit();
    });
  }

  /** The host is to have as much as fits under way: fewer lines if they are long. */
  private giveCredit(): void {
    const { lines, chars } = this.taken;
    if (this.channel === null || lines === 0) return;
    this.taken = { lines: 0, chars: 0 };
    this.credit -= lines;
    const fitting = Math.ceil(CREDIT_CHARS / Math.max(1, chars / lines));
    const more = Math.min(CREDIT_LINES, fitting) - this.credit;
    if (more <= 0) return;
    this.credit += more;
    this.deps.socket.credit(this.channel, more);
  }

  private async fetchWanted(): Promise<void> {
    this.fetching = true;
    let heavy = false;
    try {
      for (let gap = this.gap(heavy); gap && !this.closed; gap = this.gap(heavy)) {
        const window = await this.deps.service.window(this.job, this.vm, gap.from, gap.count, this.stop.signal);
        for (const line of window.lines) this.pages.put(kept(line));
        for (const damaged of window.damaged) this.damage(damaged);
        this.total = Math.max(this.total, window.total);
        this.complete ||= window.complete;
        // An answer is bounded by its bytes too: fewer lines than there are mean long ones.
        heavy = window.damaged.length === 0 && gap.from + window.lines.length < Math.min(window.total, gap.from + gap.count);
        this.version++;
        if (window.lines.length === 0 && window.damaged.length === 0) break;
      }
    } catch (cause) {
      if (!this.closed) this.error = messageOf(cause);
      this.removed ||= cause instanceof ApiError && cause.status === GONE;
    } finally {
      this.fetching = false;
    }
  }

  /** What is to be fetched next: first what is shown, then a margin around it unless lines are long. */
  private gap(heavy: boolean): { from: number; count: number } | null {
    if (!this.wanted) return null;
    const to = Math.min(this.total, this.wanted.to);
    const shown = this.missing(this.wanted.from, to);
    if (shown) return { from: shown.from, count: PAGE_LINES };
    // What is around the end is somewhere else by the time it is here.
    if (heavy || this.rushing) return null;
    return this.missing(Math.max(0, this.wanted.from - MARGIN_LINES), Math.min(this.total, to + MARGIN_LINES));
  }

  private missing(from: number, to: number): { from: number; count: number } | null {
    return this.pages.missing(from, to, PAGE_LINES, (index) => this.damagedLine(index) !== undefined);
  }
}
