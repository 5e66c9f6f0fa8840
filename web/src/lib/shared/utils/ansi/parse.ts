/**
 * Terminal output, for display. SGR sequences become styles; every other escape sequence (cursor, titles, clipboard,
 * links, device queries, strings of any kind) is dropped; characters that cannot be seen get a sign. The result is text
 * with styles, which components write as text nodes: nothing of it is ever parsed as HTML.
 */
import { INVISIBLE, isAtHome, signOf } from './controls';
import { Grid } from './grid';
import { applySgr, PLAIN } from './sgr';
import { spanOf, type AnsiSpan, type Sink } from './spans';

/** Longer lines are shown up to here; the rest is in the export. */
export const SHOWN_CHARS_MAX = 20_000;
/** Of a line that writes over itself, as progress bars do, so much is followed. */
const OVERWRITTEN_CHARS_MAX = 200_000;

/** What takes a terminal's care; everything between is text. */
const SPECIAL = new RegExp(`[\\x00-\\x08\\x0a-\\x1f\\x7f${INVISIBLE}]`, 'gu');
/** Whether the line moves back over itself. A carriage return at its end moves over nothing. */
const OVERWRITES = /\r(?!\r*$)|\x08|(?:\x1b\[|\x9b)[0-9]*[DG`]|(?:\x1b\[|\x9b)[12]K/;
const CONTROL = /[ -?]*([@-~])?/y;
const STRING = /[^\x07\x18\x1a\x1b\x9c]*/y;
const ESCAPE = /[ -/]*[0-~]?/y;
const CSI = '\x9b';
const STRINGS_C1 = '\x90\x98\x9d\x9e\x9f';

/** Text with styles. Each line begins plain: a colour left open by one line does not run into the next. */
export function parseAnsi(raw: string): AnsiSpan[] {
  if (OVERWRITES.test(raw)) {
    const grid = new Grid();
    scan(raw.slice(0, OVERWRITTEN_CHARS_MAX), grid);
    return grid.spans(SHOWN_CHARS_MAX);
  }
  const flow = new Flow();
  scan(raw.slice(0, SHOWN_CHARS_MAX), flow);
  if (raw.length > SHOWN_CHARS_MAX) flow.spans.push({ text: ' …', classes: '' });
  return flow.spans;
}

/** The text alone. */
export function stripAnsi(raw: string): string {
  return parseAnsi(raw)
    .map((span) => span.sign?.plain ?? span.text)
    .join('');
}

/** Writes on and on, as most lines do. */
class Flow implements Sink {
  readonly spans: AnsiSpan[] = [];
  private pen = PLAIN;

  text(text: string, at: number): void {
    this.spans.push(spanOf(text, this.pen, { at }));
  }

  sign(character: string, at: number): void {
    const sign = signOf(character);
    this.spans.push(spanOf(sign.text, this.pen, { at, sign }));
  }

  control(final: string, parameters: string): void {
    if (final === 'm') this.pen = applySgr(this.pen, parameters);
  }

  move(): void {
    // Nothing stands behind it.
  }
}

function scan(line: string, sink: Sink): void {
  let from = 0;
  SPECIAL.lastIndex = 0;
  for (let match = SPECIAL.exec(line); match; match = SPECIAL.exec(line)) {
    const [character] = match;
    const { index } = match;
    const after = index + character.length;
    if (isAtHome(character, before(line, index), line.charAt(after))) continue;
    if (index > from) sink.text(line.slice(from, index), from);
    from = take(line, character, index, sink);
    SPECIAL.lastIndex = from;
  }
  if (from < line.length) sink.text(line.slice(from), from);
}

/** Deals with a special character and what belongs to it. Gives the place behind. */
function take(line: string, character: string, index: number, sink: Sink): number {
  const after = index + character.length;
  if (character === '\x1b') return takeEscape(line, after, sink);
  if (character === CSI) return takeControl(line, after, sink);
  if (STRINGS_C1.includes(character)) return takeString(line, after);
  if (character === '\r' || character === '\b') sink.move(character);
  // The end of a string that nobody began, from a line before.
  else if (character !== '\x9c') sink.sign(character, index);
  return after;
}

function takeEscape(line: string, from: number, sink: Sink): number {
  const next = line.charAt(from);
  if (next === '[') return takeControl(line, from + 1, sink);
  if (next !== '' && ']PX^_'.includes(next)) return takeString(line, from + 1);
  return from + lengthOf(ESCAPE, line, from);
}

function takeControl(line: string, from: number, sink: Sink): number {
  CONTROL.lastIndex = from;
  const match = CONTROL.exec(line)!;
  const final = match[1];
  if (final) sink.control(final, match[0].slice(0, -1));
  return from + match[0].length;
}

/** A string ends with BEL or ST. An ESC in it that begins no ST begins another sequence. */
function takeString(line: string, from: number): number {
  const end = from + lengthOf(STRING, line, from);
  const terminator = line.charAt(end);
  if (terminator !== '\x1b') return Math.min(end + 1, line.length);
  return line.charAt(end + 1) === '\\' ? end + 2 : end;
}

function lengthOf(pattern: RegExp, line: string, from: number): number {
  pattern.lastIndex = from;
  return pattern.exec(line)![0].length;
}

/** The character before a place, whole. */
function before(line: string, index: number): string {
  const last = line.charAt(index - 1);
  return /[\udc00-\udfff]/.test(last) ? line.slice(Math.max(0, index - 2), index) : last;
}
