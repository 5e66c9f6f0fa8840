import type { LineSource, ShownLine } from '../types';

/** Lines that are looked at for one picture, so that a run of millions costs no more than this. */
export const SCAN_LINES_MAX = 4_000;
/** Longer lines are not compared. */
const COMPARED_CHARS_MAX = 4_096;

/** A row of a view: one line, or a run of equal ones. */
export interface Row {
  index: number;
  count: number;
  /** The run may go on: more of it was not looked at, or is not here. */
  open: boolean;
}

type Lines = Pick<LineSource, 'line' | 'total'>;
type Unfolded = (index: number) => boolean;

/** Rows from a line on, as many as were asked for or as the budget allows. A run that begins above is shown whole. */
export function foldDown(source: Lines, first: number, rows: number, unfolded: Unfolded): Row[] {
  const out: Row[] = [];
  let budget = SCAN_LINES_MAX;
  let at = runStart(source, first, unfolded);
  while (out.length < rows && at < source.total && budget > 0) {
    const line = unfolded(at) ? undefined : source.line(at);
    let end = at + 1;
    while (line && end < source.total && --budget > 0 && !unfolded(end) && isSame(line, source.line(end))) end++;
    budget--;
    const goesOn = end < source.total && end - at > 1 && (budget <= 0 || source.line(end) === undefined);
    out.push({ index: at, count: end - at, open: goesOn });
    at = end;
  }
  return out;
}

/** Rows that end before a line, in their order. */
export function foldUp(source: Lines, end: number, rows: number, unfolded: Unfolded): Row[] {
  const out: Row[] = [];
  let budget = SCAN_LINES_MAX;
  let last = end - 1;
  while (out.length < rows && last >= 0 && budget > 0) {
    const line = unfolded(last) ? undefined : source.line(last);
    let at = last;
    while (line && at > 0 && --budget > 0 && !unfolded(at - 1) && isSame(line, source.line(at - 1))) at--;
    budget--;
    out.push({ index: at, count: last - at + 1, open: at > 0 && last > at && (budget <= 0 || source.line(at - 1) === undefined) });
    last = at - 1;
  }
  return out.reverse();
}

/** Where the run begins that a line is in, as far as is looked. */
function runStart(source: Lines, index: number, unfolded: Unfolded): number {
  const line = unfolded(index) ? undefined : source.line(index);
  let at = index;
  while (line && at > 0 && index - at < SCAN_LINES_MAX && !unfolded(at - 1) && isSame(line, source.line(at - 1))) at--;
  return at;
}

/** The line at the top after some rows were passed, down or up. */
export function stepped(source: Lines, first: number, rows: number, unfolded: Unfolded): number {
  if (rows >= 0) {
    const passed = foldDown(source, first, rows + 1, unfolded);
    const last = passed.at(-1);
    if (!last) return first;
    return passed.length > rows ? last.index : Math.min(last.index + last.count, Math.max(0, source.total - 1));
  }
  return foldUp(source, runStart(source, first, unfolded), -rows, unfolded)[0]?.index ?? 0;
}

function isSame(a: ShownLine, b: ShownLine | undefined): boolean {
  return (
    b !== undefined &&
    a.text.length <= COMPARED_CHARS_MAX &&
    !a.partial &&
    !b.partial &&
    a.text === b.text &&
    a.stderr === b.stderr &&
    a.damaged === b.damaged &&
    a.origin === b.origin &&
    a.annotations?.level === b.annotations?.level &&
    (a.changedBy === undefined) === (b.changedBy === undefined)
  );
}
