/** Select Graphic Rendition (`ESC [ … m`): which pen text is written with, and what that looks like here. */

export interface AnsiStyle {
  /** Class names of app.css. */
  classes: string;
  /** Colours beyond the first sixteen, as `rgb(…)`. */
  color?: string;
  background?: string;
}

/** Colour: 0 to 15 by name, `rgb(…)` otherwise. */
type Colour = number | string | null;

export interface Pen {
  fg: Colour;
  bg: Colour;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  inverse: boolean;
  strike: boolean;
  /** A terminal would not show it. Here it is shown, but nothing of it is a link. */
  concealed: boolean;
}

export const PLAIN: Pen = {
  fg: null,
  bg: null,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  inverse: false,
  strike: false,
  concealed: false
};

const FOREGROUND = 38;
const BACKGROUND = 48;
const UNDERLINE_COLOUR = 58;

/** The pen after a sequence. Parameters of another kind (`?`, `>`) are not SGR and change nothing. */
export function applySgr(pen: Pen, parameters: string): Pen {
  if (!/^[0-9;:]*$/.test(parameters)) return pen;
  const next = { ...pen };
  const parts = parameters.split(';');
  for (let i = 0; i < parts.length; i++) {
    const [code = 0, ...sub] = parts[i]!.split(':').map(Number);
    if (code === FOREGROUND || code === BACKGROUND || code === UNDERLINE_COLOUR) {
      const colon = sub.length > 0;
      const [colour, used] = extendedColour(colon ? withoutColourSpace(sub) : parts.slice(i + 1).map(Number));
      if (!colon) i += used;
      if (colour !== null && code === FOREGROUND) next.fg = colour;
      if (colour !== null && code === BACKGROUND) next.bg = colour;
    } else if (code === 4 && sub.length > 0) next.underline = sub[0] !== 0;
    else if (sub.length === 0) applyCode(next, code);
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
  else if (code === 8) pen.concealed = true;
  else if (code === 9) pen.strike = true;
  else if (code === 22) pen.bold = pen.dim = false;
  else if (code === 23) pen.italic = false;
  else if (code === 24) pen.underline = false;
  else if (code === 27) pen.inverse = false;
  else if (code === 28) pen.concealed = false;
  else if (code === 29) pen.strike = false;
  else if (code >= 30 && code <= 37) pen.fg = code - 30;
  else if (code === 39) pen.fg = null;
  else if (code >= 40 && code <= 47) pen.bg = code - 40;
  else if (code === 49) pen.bg = null;
  else if (code >= 90 && code <= 97) pen.fg = code - 82;
  else if (code >= 100 && code <= 107) pen.bg = code - 92;
}

/** `38:2:SPACE:r:g:b` names a colour space, which nobody uses, where `38;2;r;g;b` has none. */
function withoutColourSpace(sub: number[]): number[] {
  return sub[0] === 2 && sub.length >= 5 ? [2, ...sub.slice(2)] : sub;
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
  return `rgb(${parts.map((part) => Math.min(255, Math.max(0, part || 0))).join(', ')})`;
}

/** Foreground and background as they end up, after bold has made colours bright and inverse has swapped them. */
function coloursOf(pen: Pen): [Colour, Colour] {
  const [fg, bg] = pen.inverse ? [pen.bg, pen.fg] : [pen.fg, pen.bg];
  return [typeof fg === 'number' && pen.bold && fg < 8 ? fg + 8 : fg, bg];
}

/** Whether a terminal would show nothing of what is written with this pen. */
export function isHidden(pen: Pen): boolean {
  const [fg, bg] = coloursOf(pen);
  return pen.concealed || (fg !== null && fg === bg);
}

export function styleOf(pen: Pen): AnsiStyle {
  const style: AnsiStyle = { classes: '' };
  const classes: string[] = [];
  const [fg, bg] = coloursOf(pen);
  if (pen.inverse && fg === null && bg === null) classes.push('ansi-v');
  if (typeof fg === 'number') classes.push(`ansi-f${fg}`);
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
