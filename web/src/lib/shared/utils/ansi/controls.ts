/**
 * Characters that cannot be seen. Some only clutter, some make a text read as something else than it is (bidirectional
 * overrides, zero-width characters in a name); all are shown by a sign of their own.
 */

const C0 = 'NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US'.split(' ');
const NAMES: Record<number, string> = {
  0x7f: 'DEL',
  0x85: 'next line',
  0xad: 'soft hyphen',
  0x200b: 'zero-width space',
  0x200c: 'zero-width non-joiner',
  0x200d: 'zero-width joiner',
  0x200e: 'left-to-right mark',
  0x200f: 'right-to-left mark',
  0x202a: 'left-to-right embedding',
  0x202b: 'right-to-left embedding',
  0x202c: 'end of embedding',
  0x202d: 'left-to-right override',
  0x202e: 'right-to-left override',
  0x2066: 'left-to-right isolate',
  0x2067: 'right-to-left isolate',
  0x2068: 'first strong isolate',
  0x2069: 'end of isolate',
  0xfeff: 'byte order mark'
};

/** Beyond the ASCII controls: C1, format characters, fillers that look like nothing, tags, selectors. */
export const INVISIBLE =
  '\\x80-\\x9f\\xad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff9-\\ufffb\\u{e0000}-\\u{e0fff}';

const JOINER = /^[\u200c\u200d]$/;
const SELECTOR = /^[\ufe00-\ufe0f]$/;
const SELECTABLE = /[0-9#*]$/;
const ASCII = /^[\x00-\x7f]$/;

export interface Sign {
  /** What is shown: letters that every font has. */
  text: string;
  /** One character for it where there is one, for text that is taken elsewhere. */
  plain: string;
  title: string;
}

/** The sign for a character: its short name, or its number. */
export function signOf(character: string): Sign {
  const code = character.codePointAt(0) ?? 0;
  const number = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  const name = code < C0.length ? C0[code] : NAMES[code];
  const picture = code < C0.length ? String.fromCodePoint(0x2400 + code) : code === 0x7f ? '\u2421' : null;
  return { text: picture && name ? name : number, plain: picture ?? number, title: name ? `${name} (${number})` : `invisible character ${number}` };
}

/** Joiners and selectors belong to scripts and emoji; between ASCII they have no business. */
export function isAtHome(character: string, before: string, after: string): boolean {
  const foreign = (neighbour: string) => neighbour !== '' && !ASCII.test(neighbour);
  if (JOINER.test(character)) return foreign(before) && foreign(after);
  if (SELECTOR.test(character)) return (foreign(before) && !SELECTOR.test(before)) || SELECTABLE.test(before);
  return false;
}

const ANY = new RegExp(`[\\x00-\\x08\\x0a-\\x1f\\x7f${INVISIBLE}]`, 'gu');

/** Text as it was written, with a sign for all that cannot be seen, escape sequences too. */
export function rawText(text: string): { text: string; sign?: Sign }[] {
  const pieces: { text: string; sign?: Sign }[] = [];
  let from = 0;
  for (const match of text.matchAll(ANY)) {
    if (match.index > from) pieces.push({ text: text.slice(from, match.index) });
    const sign = signOf(match[0]);
    pieces.push({ text: sign.text, sign });
    from = match.index + match[0].length;
  }
  if (from < text.length) pieces.push({ text: text.slice(from) });
  return pieces;
}
