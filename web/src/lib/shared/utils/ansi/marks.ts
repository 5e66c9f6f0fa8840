import { cut, type AnsiSpan } from './spans';

export type ByteRange = readonly [number, number];

const LONG = 3;

/**
 * Byte ranges of a text's UTF-8 as ranges of its characters, for what a search found. Null if the text shows that its
 * bytes were no UTF-8: then nobody can count.
 */
export function charRanges(text: string, ranges: readonly ByteRange[], skipped = 0): [number, number][] | null {
  if (ranges.length === 0) return [];
  if (text.includes('\ufffd')) return null;
  const edges = new Map<number, number>();
  for (const [from, to] of ranges) edges.set(from - skipped, -1).set(to - skipped, -1);
  let bytes = 0;
  let chars = 0;
  for (const character of text) {
    if (edges.has(bytes)) edges.set(bytes, chars);
    bytes += utf8Length(character.codePointAt(0)!);
    chars += character.length;
  }
  if (edges.has(bytes)) edges.set(bytes, chars);
  return ranges
    .map(([from, to]): [number, number] => [edges.get(from - skipped)!, edges.get(to - skipped)!])
    .filter(([from, to]) => from >= 0 && to > from);
}

function utf8Length(code: number): number {
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? LONG : LONG + 1;
}

/**
 * Marks ranges of what was written in spans made of it. Null if it cannot be said where they are: the line was written
 * over, or all of a match lies in what is not shown.
 */
export function withMarks<S extends AnsiSpan>(spans: readonly S[], ranges: readonly (readonly [number, number])[]): (S & { mark?: boolean })[] | null {
  const shown: { from: number; to: number }[] = [];
  let offset = 0;
  for (const span of spans) {
    const { at, text } = span;
    const length = span.sign ? 1 : text.length;
    for (const [from, to] of at === undefined ? [] : ranges) {
      const [begin, end] = [Math.max(from, at!), Math.min(to, at! + length)];
      if (end <= begin) continue;
      // A sign is longer than what it stands for: all of it is marked.
      if (span.sign) shown.push({ from: offset, to: offset + text.length });
      else shown.push({ from: offset + begin - at!, to: offset + end - at! });
    }
    offset += text.length;
  }
  return shown.length === 0 ? null : cut<S & { mark?: boolean }, { from: number; to: number }>(spans, shown, (span) => ({ ...span, mark: true }));
}
