import type { LogLine } from '$lib/core/clients';

export type { LogLine } from '$lib/core/clients';
export * from './level';

/** Whose a line is, where lines of several machines stand together. */
export interface Origin {
  vm: string;
  name: string;
  /** Which of the colours for machines is its own. */
  hue: number;
}

/** A run of lines that cannot be read. */
export interface Damage {
  /** Number of the first, from 0. */
  first: number;
  count: number;
}

/** A line as a view shows it. */
export interface ShownLine extends LogLine {
  origin?: Origin;
  /** It cannot be read: its stored chunk is damaged. */
  damaged?: Damage;
  /** Size of the whole in bytes, where `text` is only a piece of it. */
  bytes?: number;
}

/** Lines that a view can ask for by their place. Reading `version` ties a view to its changes. */
export interface LineSource {
  readonly version: number;
  /** How many lines there are. */
  readonly total: number;
  readonly complete: boolean;
  readonly error: string;
  /** The line at a place from 0; undefined while it is not here. */
  line(index: number): ShownLine | undefined;
  /** The view shows these places; what is missing is to be fetched. */
  want(from: number, to: number): void;
  /** By how much places have moved: grows as lines go at the beginning, shrinks as earlier ones come. */
  readonly base?: number;
  /** Whether what follows the last place comes by itself. */
  readonly atEnd?: boolean;
  /** Goes to where lines arrive. */
  toEnd?(): void;
  /** Highest number that a line has, for the width of the column; without it places are numbers. */
  readonly highest?: number;
}

/** Lines that a search found, for the view that shows them. Reading `version` ties a view to its changes. */
export interface Marks {
  readonly version: number;
  /** Byte ranges of a line that was found; undefined for another. */
  of(line: number): readonly (readonly [number, number])[] | undefined;
  /** The one that is looked at. */
  readonly current: number | null;
}

/** A line that a view is to bring into sight, from 0. Another object is another wish. */
export interface Target {
  line: number;
}
