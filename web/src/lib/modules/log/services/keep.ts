import type { LogLine } from '$lib/core/clients';
import type { ShownLine } from '../types';

/** Of a long line so many characters are kept; the rest is fetched when somebody wants to see it. */
export const KEPT_CHARS_MAX = 4_096;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** A line as it is kept: of a long one its beginning, or its end if that wrote over the beginning. */
export function kept(line: LogLine): ShownLine {
  if (line.text.length <= KEPT_CHARS_MAX) return line;
  const piece = pieceOf(line.text);
  // A part of a string keeps the whole of it in memory; what went through bytes does not.
  return { ...line, text: decoder.decode(encoder.encode(piece)), bytes: encoder.encode(line.text).length };
}

function pieceOf(text: string): string {
  const over = text.replace(/\r+$/, '').lastIndexOf('\r') + 1;
  if (over === 0) return head(text);
  const tail = text.indexOf('\r', text.length - KEPT_CHARS_MAX) + 1;
  return tail > 0 && tail <= over ? text.slice(tail) : head(text.slice(over));
}

/** Not through the middle of a character. */
function head(text: string): string {
  const last = text.charCodeAt(KEPT_CHARS_MAX - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? KEPT_CHARS_MAX - 1 : KEPT_CHARS_MAX);
}
