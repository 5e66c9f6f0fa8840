/**
 * Colours of terminal output, for display. SGR sequences (`ESC [ … m`) become styles; every other escape sequence
 * (cursor, titles, clipboard, device queries, strings of any kind) and every control character is dropped. The result
 * is text with styles, which components write as text nodes: nothing of it is ever parsed as HTML.
 */

export interface AnsiStyle {
  /** Class names of app.css. */
  classes: string;
  /** Colours beyond the first sixteen, as `rgb(…)`. */
  color?: string;
  background?: string;
}

export interface AnsiSpan extends AnsiStyle {
  text: string;
}

/** Colour: 0 to 15 by name, `rgb(…)` otherwise. */
type Colour = number | string | null;

interface Pen {
  fg: Colour;
  bg: Colour;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  inverse: boolean;
  strike: boolean;
}

const PLAIN: Pen = {
  fg: null,
  bg: null,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  inverse: false,
  strike: false
};

/** Longer lines are shown up to here; the rest is in the export. */
export const SHOWN_CHARS_MAX = 20_000;

/** CSI; OSC, DCS, SOS, PM, APC with their strings; two- and three-byte escapes; the 8-bit CSI; what is cut off at the end. */
const ESCAPE =
  /(?:\x1b\[|\x9b)([0-?]*)([ -/]*)([@-~])|\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)|[\x90\x98\x9d\x9e\x9f][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)|(?:\x1b\[|\x9b)[0-?]*[ -/]*$|\x1b[ -/]*[0-~]?/g;
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f-\x9f]/g;
const SPECIAL = /[\x00-\x08\x0a-\x1f\x7f-\x9f]/;
/** Marks that turn the direction of text around could make a line read as something else. */
const BIDI = /[\u202a-\u202e\u2066-\u2069]/g;

/** Text with styles. Each line begins plain: a colour left open by one line does not run into the next. */
export function parseAnsi(raw: string): AnsiSpan[] {
  const line = (raw.length > SHOWN_CHARS_MAX ? raw.slice(0, SHOWN_CHARS_MAX) + ' …' : raw).replace(BIDI, '');
  if (!SPECIAL.test(line)) return line === '' ? [] : [{ text: line, classes: '' }];
  const spans: AnsiSpan[] = [];
  let pen = PLAIN;
  let from = 0;
  const shown = lastOverwrite(line);
  for (const match of shown.matchAll(ESCAPE)) {
    push(spans, shown.slice(from, match.index), pen);
    from = match.index + match[0].length;
    if (match[3] === 'm' && !match[2]) pen = applySgr(pen, match[1] ?? '');
  }
  push(spans, shown.slice(from), pen);
  return spans;
}

/** The text alone. */
export function stripAnsi(raw: string): string {
  return parseAnsi(raw)
    .map((span) => span.text)
    .join('');
}

/** A carriage return starts the line over, as progress bars do: what was written last is what one would see. */
function lastOverwrite(line: string): string {
  const text = line.replace(/\r+$/, '');
  return text.slice(text.lastIndexOf('\r') + 1);
}

function push(spans: AnsiSpan[], raw: string, pen: Pen): void {
  const text = raw.replace(CONTROL, '');
  if (text === '') return;
  spans.push({ text, ...styleOf(pen) });
}

function styleOf(pen: Pen): AnsiStyle {
  const style: AnsiStyle = { classes: '' };
  const classes: string[] = [];
  let [fg, bg] = [pen.fg, pen.bg];
  if (pen.inverse) {
    [fg, bg] = [bg, fg];
    if (fg === null && bg === null) classes.push('ansi-v');
  }
  if (typeof fg === 'number') classes.push(`ansi-f${pen.bold && fg < 8 ? fg + 8 : fg}`);
  else if (fg) style.color = fg;
  if (typeof bg === 'number') classes.push(`ansi-g${bg}`);
  else if (bg) style.background = bg;
  if (pen.bold) classes.push('ansi-b');
  if (pen.dim) classes.push('ansi-d');
  if (pen.italic) classes.push('ansi-i');
  if (pen.underline) classes.push('ansi-u');
  if (pen.strike) classes.push('ansi-s');
  style.classes = classes.join(' ');
  return style;
}

function applySgr(pen: Pen, parameters: string): Pen {
  // `38:2::r:g:b` is the other way to write `38;2;r;g;b`.
  const codes = parameters
    .split(';')
    .flatMap((part) => (part.includes(':') ? part.replace(/^([34]8:2:)\d*:(?=\d+:\d+:\d)/, '$1').split(':') : [part]))
    .map((part) => (part === '' ? 0 : Number(part)));
  const next = { ...pen };
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i]!;
    if (code === 38 || code === 48) {
      const [colour, used] = extendedColour(codes.slice(i + 1));
      if (code === 38) next.fg = colour ?? next.fg;
      else next.bg = colour ?? next.bg;
      i += used;
    } else {
      applyCode(next, code);
    }
  }
  return next;
}

function applyCode(pen: Pen, code: number): void {
  if (code === 0) Object.assign(pen, PLAIN);
  else if (code === 1) pen.bold = true;
  else if (code === 2) pen.dim = true;
  else if (code === 3) pen.italic = true;
  else if (code === 4 || code === 21) pen.underline = true;
  else if (code === 7) pen.inverse = true;
  else if (code === 9) pen.strike = true;
  else if (code === 22) pen.bold = pen.dim = false;
  else if (code === 23) pen.italic = false;
  else if (code === 24) pen.underline = false;
  else if (code === 27) pen.inverse = false;
  else if (code === 29) pen.strike = false;
  else if (code >= 30 && code <= 37) pen.fg = code - 30;
  else if (code === 39) pen.fg = null;
  else if (code >= 40 && code <= 47) pen.bg = code - 40;
  else if (code === 49) pen.bg = null;
  else if (code >= 90 && code <= 97) pen.fg = code - 82;
  else if (code >= 100 && code <= 107) pen.bg = code - 92;
}

/** `5;n` or `2;r;g;b`, and how many codes that took. */
function extendedColour(codes: number[]): [Colour, number] {
  if (codes[0] === 5) return [palette(codes[1] ?? 0), 2];
  if (codes[0] === 2) return [rgb(codes[1] ?? 0, codes[2] ?? 0, codes[3] ?? 0), 4];
  return [null, codes.length];
}

function palette(index: number): Colour {
  if (!(index >= 0 && index <= 255)) return null;
  if (index < 16) return index;
  if (index >= 232) return rgb(...(Array(3).fill(8 + (index - 232) * 10) as [number, number, number]));
  const level = (value: number) => (value === 0 ? 0 : 55 + value * 40);
  const cube = index - 16;
  return rgb(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6));
}

function rgb(...parts: [number, number, number]): string {
  return `rgb(${parts.map((part) => Math.min(255, Math.max(0, part | 0))).join(', ')})`;
}
