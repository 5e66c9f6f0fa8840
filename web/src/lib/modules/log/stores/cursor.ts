import type { LogLine } from '$lib/core/clients';
import { kept } from '../services/keep';
import type { Window } from '../services/LogService';
import type { Damage, Origin, ShownLine } from '../types';

/** A line with its place in time among the lines of several machines. */
export interface PlacedLine extends ShownLine {
  origin: Origin;
  /**
   * The time by which lines are put in order. It is when the host received the line, unless a clock was set back: a machine's own lines
   * never change their order.
   */
  order: number;
}

/**
 * How much of one machine's log is held of a merged view: lines `lo` to before `hi`, without a gap. Those in the middle stand in the
 * view; `early` and `late` wait on its sides until it is certain what of other machines comes between.
 */
export class Cursor {
  lo = 0;
  hi = 0;
  early: PlacedLine[] = [];
  late: PlacedLine[] = [];
  total = 0;
  complete = false;
  /** Something was heard of it; before that nobody knows where it stands. */
  known = false;
  /** Places in time of the first and the last line held. */
  private first = Infinity;
  private last = -Infinity;

  constructor(readonly origin: Origin) {}

  /** Forgets all lines and stands before the one with this number. */
  reset(at: number): void {
    this.lo = this.hi = at;
    this.early = [];
    this.late = [];
    this.first = Infinity;
    this.last = -Infinity;
  }

  get hasEarlier(): boolean {
    return this.known && this.lo > 0;
  }

  get hasLater(): boolean {
    return this.hi < this.total;
  }

  /** Before this time something may be missing. */
  get horizon(): number {
    return this.hasEarlier && this.lo < this.hi ? this.first : -Infinity;
  }

  /** Takes lines that follow those that are held; what is held already is left out. */
  append(lines: readonly LogLine[]): void {
    this.known = true;
    for (const line of lines) {
      if (line.n < this.hi) continue;
      if (this.lo === this.hi) this.lo = line.n;
      this.hi = line.n + 1;
      this.add(kept(line));
    }
    this.total = Math.max(this.total, this.hi);
  }

  /** Damage before anything else has no place in time yet: it is met again from the other side, on the way up. */
  appendDamage(damaged: Damage): void {
    this.known = true;
    if (this.lo === this.hi) return this.reset(damaged.first + damaged.count);
    this.add({ n: damaged.first, at: this.last, stderr: false, partial: false, text: '', damaged });
    this.hi = damaged.first + damaged.count;
  }

  /** Takes a window that follows what is held. False if it brought nothing on. */
  appendWindow(window: Window): boolean {
    const before = this.hi;
    this.learn(window);
    this.append(window.lines);
    for (const damaged of window.damaged) if (damaged.first + damaged.count > this.hi) this.appendDamage(damaged);
    return this.hi > before;
  }

  /** Takes lines and damage that end where what is held begins. */
  prepend(pieces: readonly (LogLine | Damage)[]): void {
    const added: PlacedLine[] = [];
    for (const piece of [...pieces].reverse()) {
      const line = 'n' in piece ? kept(piece) : { n: piece.first, at: this.first, stderr: false, partial: false, text: '', damaged: piece };
      this.first = Math.min(this.first, line.at);
      this.lo = line.n;
      added.push({ ...line, origin: this.origin, order: this.first });
    }
    if (this.last === -Infinity && added[0]) this.last = added[0].order;
    this.early = [...added.reverse(), ...this.early];
  }

  learn({ total, complete }: Pick<Window, 'total' | 'complete'>): void {
    this.known = true;
    this.total = Math.max(this.total, total);
    this.complete ||= complete;
  }

  /** A line at the beginning of the view went, and all that stood before it. */
  dropFirst(line: PlacedLine): void {
    this.lo = line.n + (line.damaged?.count ?? 1);
    this.first = line.order;
    this.early = [];
  }

  /** A line at the end of the view went, and all that stood behind it. */
  dropLast(line: PlacedLine): void {
    this.hi = line.n;
    this.last = line.order;
    this.late = [];
  }

  private add(line: ShownLine): void {
    this.last = Math.max(this.last, line.at);
    if (this.first === Infinity) this.first = this.last;
    this.late.push({ ...line, origin: this.origin, order: this.last });
  }
}

/** Puts all that waits behind the view into order, certain or not: lines that arrive are shown at once. */
export function takeLate(cursors: readonly Cursor[]): PlacedLine[] {
  const out = cursors.flatMap((cursor) => cursor.late);
  for (const cursor of cursors) cursor.late = [];
  // Stable, and a machine's own lines are in order: they stay so.
  return out.sort((a, b) => a.order - b.order);
}

/** Puts what waits behind the view into order, as far as it is certain. Takes at most so many. */
export function mergeLate(cursors: readonly Cursor[], most: number): PlacedLine[] {
  const out: PlacedLine[] = [];
  const places = new Map(cursors.map((cursor) => [cursor, 0]));
  while (out.length < most) {
    let best: Cursor | undefined;
    let bestLine: PlacedLine | undefined;
    let open = false;
    for (const cursor of cursors) {
      const line = cursor.late[places.get(cursor)!];
      if (line && (!bestLine || line.order < bestLine.order)) [best, bestLine] = [cursor, line];
      open ||= !line && cursor.hasLater;
    }
    if (!best || !bestLine || open) break;
    places.set(best, places.get(best)! + 1);
    out.push(bestLine);
  }
  for (const [cursor, taken] of places) cursor.late = cursor.late.slice(taken);
  return out;
}

/** Puts what waits before the view into order, as far as it is certain. Takes at most so many, the last ones. */
export function mergeEarly(cursors: readonly Cursor[], most: number): PlacedLine[] {
  const out: PlacedLine[] = [];
  while (out.length < most) {
    let best: Cursor | undefined;
    let bestLine: PlacedLine | undefined;
    let open = false;
    for (const cursor of cursors) {
      const line = cursor.early.at(-1);
      // Of those of one moment the last machine's stand last, as they do the other way round.
      if (line && (!bestLine || line.order >= bestLine.order)) [best, bestLine] = [cursor, line];
      open ||= !line && cursor.hasEarlier;
    }
    if (!best || !bestLine || open) break;
    best.early.pop();
    out.push(bestLine);
  }
  return out.reverse();
}
