import type { LogFrame, LogLine, ServerMessage, WebSocketClient } from '$lib/core/clients';
import { messageOf } from '$lib/core/state';
import type { LogService } from '../services/LogService';
import type { Damage, LineSource, Origin, ShownLine } from '../types';
import { Cursor, mergeEarly, mergeLate, takeLate, type PlacedLine } from './cursor';

/** Lines kept of all machines together; what is furthest from where one looks goes first. */
export const MERGED_LINES_MAX = 20_000;
const TRIM_LINES = 4000;
/** How many machines are read at once: the socket carries 64 channels, and others need some. */
export const MERGED_TASKS_MAX = 48;
const TAIL_LINES = 200;
const CREDIT_LINES = 2000;
/** Lines of one machine that are fetched at once, and lines that a look beyond an end brings. */
const WINDOW_LINES = 300;
const MORE_LINES = 600;
/** How near to an end one has to look for more to be fetched. */
const NEAR_LINES = 80;

export interface MergedTask {
  vm: string;
  name: string;
}

export interface MergedLogDeps {
  service: LogService;
  socket: WebSocketClient;
  nextFrame: (run: () => void) => void;
}

/**
 * The output of several tasks of a job by the time at which the host received each line: the end live, earlier lines as one scrolls up,
 * later ones on the way back. Only what is certain is shown: a line of one machine waits until those of all others up to its time are here.
 */
export class MergedLog implements LineSource {
  version = $state(0);
  total = $state(0);
  complete = $state(false);
  error = $state('');
  /** Whether lines come by themselves; else the view stands somewhere in the history. */
  atEnd = $state(true);
  /** Earlier or later lines are being fetched. */
  loading = $state(false);
  /** Lines of a machine that the host left out so that the view keeps up. */
  skipped = $state<{ name: string; count: number } | null>(null);
  base = 0;
  highest = 0;

  private lines: PlacedLine[] = [];
  private readonly cursors: Cursor[];
  private readonly channels = new Map<Cursor, number>();
  private readonly taken = new Map<Cursor, number>();
  private wanted = { from: 0, to: 0 };
  private dirty = false;
  private busy = false;
  /** A fetch failed; the next one is somebody's wish. */
  private failed = false;
  private closed = false;
  /** Counts up with each new beginning, so that what was fetched for an old one finds nobody. */
  private era = 0;
  private readonly stop = new AbortController();

  constructor(
    readonly job: string,
    tasks: readonly MergedTask[],
    private readonly deps: MergedLogDeps
  ) {
    this.cursors = tasks.slice(0, MERGED_TASKS_MAX).map(({ vm, name }, hue) => new Cursor({ vm, name, hue }));
    this.attach();
  }

  get origins(): Origin[] {
    return this.cursors.map((cursor) => cursor.origin);
  }

  /** Nothing stands before the first line. */
  get atStart(): boolean {
    return this.version >= 0 && this.cursors.every((cursor) => cursor.known && cursor.lo === 0 && cursor.early.length === 0);
  }

  close(): void {
    this.closed = true;
    this.stop.abort();
    this.detach();
  }

  line(index: number): ShownLine | undefined {
    return this.lines[index];
  }

  want(from: number, to: number): void {
    this.wanted = { from, to };
    if (this.failed) return;
    if (from < NEAR_LINES && this.cursors.some((cursor) => cursor.hasEarlier || cursor.early.length > 0)) void this.load(() => this.earlier());
    else if (!this.atEnd && to > this.total - NEAR_LINES) void this.load(() => this.later());
  }

  retry(): void {
    this.failed = false;
    this.error = '';
    this.want(this.wanted.from, this.wanted.to);
  }

  /** Goes to where lines arrive; nothing to do for who is there. */
  toEnd(): void {
    if (this.atEnd) return;
    this.begin(0);
    for (const cursor of this.cursors) cursor.known = false;
    this.attach();
  }

  toStart(): void {
    this.detach();
    this.begin(0);
    for (const cursor of this.cursors) cursor.known = true;
    void this.load(() => this.later());
  }

  private begin(at: number): void {
    this.era++;
    this.base += this.lines.length;
    this.lines = [];
    for (const cursor of this.cursors) cursor.reset(at);
    this.show();
  }

  private attach(): void {
    this.atEnd = true;
    for (const cursor of this.cursors) if (!cursor.known || !cursor.complete || cursor.hasLater) this.subscribe(cursor);
  }

  private detach(): void {
    this.atEnd = false;
    for (const ch of this.channels.values()) this.deps.socket.close(ch);
    this.channels.clear();
    this.taken.clear();
  }

  private subscribe(cursor: Cursor): void {
    const { socket } = this.deps;
    const opened = socket.open({
      open: (ch) => {
        this.channels.set(cursor, ch);
        queueMicrotask(() => socket.credit(ch, CREDIT_LINES));
        return { t: 'subscribe', ch, topic: 'log', job: this.job, vm: cursor.origin.vm, from: -TAIL_LINES };
      },
      frame: (frame) => this.take(cursor, frame),
      message: (message) => this.hear(cursor, message)
    });
    if (!this.channels.has(cursor)) this.channels.set(cursor, opened);
  }

  private take(cursor: Cursor, frame: LogFrame): void {
    const held = cursor.known && cursor.hi > 0;
    if (held && frame.firstLine > cursor.hi) {
      // Who looks back keeps what is looked at; what came since is fetched on the way down.
      if (this.total - this.wanted.to > NEAR_LINES) return this.detach();
      this.skip(cursor, frame);
    }
    cursor.append(frame.lines);
    this.taken.set(cursor, (this.taken.get(cursor) ?? 0) + frame.lines.length);
    this.changed();
  }

  private hear(cursor: Cursor, message: ServerMessage): void {
    if (message.t === 'damaged') cursor.appendDamage({ first: message.first, count: message.count });
    else if (message.t === 'end') cursor.learn({ total: message.total, complete: true });
    else if (message.t === 'error') this.error = `${cursor.origin.name}: ${message.message}`;
    if (message.t === 'error') Object.assign(cursor, { known: true, complete: true });
    if (message.t === 'end' || message.t === 'error') this.channels.delete(cursor);
    this.complete = this.cursors.every((each) => each.complete);
    this.changed();
  }

  /** A stretch of one machine is not here. What stands before it goes, so that scrolling up brings all of it back in its order. */
  private skip(cursor: Cursor, { firstLine, lines }: LogFrame): void {
    this.skipped = { name: cursor.origin.name, count: (this.skipped?.name === cursor.origin.name ? this.skipped.count : 0) + firstLine - cursor.hi };
    this.settle(takeLate(this.cursors));
    const until = lines[0]?.at ?? Infinity;
    const behind = this.lines.findIndex((line) => line.order >= until);
    this.dropFirst(behind < 0 ? this.lines.length : behind);
    this.lines = this.lines.filter((line) => line.origin !== cursor.origin);
    cursor.reset(firstLine);
  }

  private changed(): void {
    if (this.dirty) return;
    this.dirty = true;
    this.deps.nextFrame(() => {
      this.dirty = false;
      if (this.closed || !this.atEnd) return;
      this.settle(takeLate(this.cursors));
      this.holdBack();
      if (this.lines.length > MERGED_LINES_MAX) this.trimForLive();
      for (const [cursor, lines] of this.taken) {
        const ch = this.channels.get(cursor);
        if (ch !== undefined) this.deps.socket.credit(ch, lines);
      }
      this.taken.clear();
      this.show();
    });
  }

  /** Adds lines at the end. A machine may be a little behind the others: its lines go where they belong. */
  private settle(added: readonly PlacedLine[]): void {
    const [first] = added;
    if (!first) return;
    let from = this.lines.length;
    while (from > 0 && this.lines[from - 1]!.order > first.order) from--;
    const tail = this.lines.splice(from);
    let at = 0;
    for (const line of added) {
      while (at < tail.length && tail[at]!.order <= line.order) this.lines.push(tail[at++]!);
      this.lines.push(line);
    }
    for (; at < tail.length; at++) this.lines.push(tail[at]!);
  }

  /** What stands before the time from which all machines are here goes back: others may have lines between. */
  private holdBack(): void {
    const horizon = Math.max(-Infinity, ...this.cursors.map((cursor) => cursor.horizon));
    let count = 0;
    while (count < this.lines.length && this.lines[count]!.order < horizon) count++;
    if (count === 0) return;
    const owners = new Map(this.cursors.map((cursor) => [cursor.origin, cursor]));
    for (const line of this.lines.splice(0, count)) owners.get(line.origin)!.early.push(line);
    this.base += count;
  }

  /** Who looks at the beginning keeps it, and new lines wait; else the oldest go. */
  private trimForLive(): void {
    if (this.wanted.from < TRIM_LINES && this.wanted.to < this.lines.length - TRIM_LINES) {
      this.detach();
      this.dropLast(TRIM_LINES);
    } else this.dropFirst(this.lines.length - MERGED_LINES_MAX + TRIM_LINES);
  }

  private dropFirst(count: number): void {
    const owners = new Map(this.cursors.map((cursor) => [cursor.origin, cursor]));
    for (const line of this.lines.splice(0, count)) owners.get(line.origin)!.dropFirst(line);
    this.base += count;
  }

  private dropLast(count: number): void {
    const owners = new Map(this.cursors.map((cursor) => [cursor.origin, cursor]));
    for (const line of this.lines.splice(this.lines.length - count).reverse()) owners.get(line.origin)!.dropLast(line);
  }

  private show(): void {
    this.total = this.lines.length;
    this.highest = this.cursors.reduce((most, cursor) => Math.max(most, cursor.total, cursor.hi), 0);
    this.version++;
  }

  private async load(more: () => Promise<void>): Promise<void> {
    if (this.busy || this.closed) return;
    this.busy = this.loading = true;
    try {
      await more();
    } catch (cause) {
      this.failed = true;
      if (!this.closed) this.error = messageOf(cause);
    } finally {
      this.busy = this.loading = false;
    }
  }

  private async earlier(): Promise<void> {
    const era = this.era;
    for (let added = 0; added < MORE_LINES; ) {
      const waiting = this.cursors.filter((cursor) => cursor.early.length === 0 && cursor.hasEarlier);
      await Promise.all(waiting.map((cursor) => this.fetchEarlier(cursor, era)));
      if (this.era !== era || this.closed) return;
      const lines = mergeEarly(this.cursors, MORE_LINES - added);
      if (lines.length === 0) break;
      added += lines.length;
      this.lines = [...lines, ...this.lines];
      this.base -= lines.length;
    }
    // Whoever scrolls up far leaves the end behind.
    if (this.lines.length > MERGED_LINES_MAX) {
      this.detach();
      this.dropLast(this.lines.length - MERGED_LINES_MAX + TRIM_LINES);
    }
    this.show();
  }

  /** The window before what is held. Answers are bounded by their bytes: it may take several. */
  private async fetchEarlier(cursor: Cursor, era: number): Promise<void> {
    const end = cursor.lo;
    const pieces: (LogLine | Damage)[] = [];
    for (let next = Math.max(0, end - WINDOW_LINES); next < end; ) {
      const window = await this.deps.service.window(this.job, cursor.origin.vm, next, end - next, this.stop.signal);
      pieces.push(...window.lines);
      next += window.lines.length;
      for (const { first, count } of window.damaged) {
        pieces.push({ first: Math.max(first, next), count: Math.min(first + count, end) - Math.max(first, next) });
        next = Math.min(first + count, end);
      }
      if (window.lines.length + window.damaged.length === 0) throw new Error(`${cursor.origin.name}: lines ${next + 1} to ${end} are not there`);
    }
    if (this.era === era && cursor.lo === end) cursor.prepend(pieces);
  }

  private async later(): Promise<void> {
    const era = this.era;
    for (let added = 0; added < MORE_LINES; ) {
      const waiting = this.cursors.filter((cursor) => cursor.late.length === 0 && (cursor.hasLater || !cursor.complete));
      await Promise.all(waiting.map((cursor) => this.fetchLater(cursor, era)));
      if (this.era !== era || this.closed) return;
      const lines = mergeLate(this.cursors, MORE_LINES - added);
      if (lines.length === 0) break;
      added += lines.length;
      this.settle(lines);
    }
    if (this.lines.length > MERGED_LINES_MAX) this.dropFirst(this.lines.length - MERGED_LINES_MAX + TRIM_LINES);
    const all = this.cursors.every((cursor) => cursor.late.length === 0 && !cursor.hasLater);
    this.show();
    if (all) this.attach();
  }

  private async fetchLater(cursor: Cursor, era: number): Promise<void> {
    const window = await this.deps.service.window(this.job, cursor.origin.vm, cursor.hi, WINDOW_LINES, this.stop.signal);
    if (this.era === era) cursor.appendWindow(window);
  }
}
