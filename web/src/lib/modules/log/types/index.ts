import type { LogLine } from '$lib/core/clients';

export type { LogLine } from '$lib/core/clients';

/** A line as a view shows it; `vm` only where lines of several machines stand together. */
export interface ShownLine extends LogLine {
  vm?: string;
  /** It cannot be read: its stored chunk is damaged. */
  damaged?: boolean;
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
}
