import { cut, type AnsiSpan } from './spans';

/** Longest address that becomes a link. */
const URL_CHARS_MAX = 2048;
/** Up to what could not stand in an address. */
const ADDRESS = /\bhttps?:\/\/[^\s<>"'`{}|\\^\x00-\x20\x7f-\xa0\u2028\u2029]+/gi;
const TRAILING = /[.,;:!?…·)\]]$/;
const PAIRS: Record<string, string> = { ')': '(', ']': '[' };
/** Breaks the text where something stands that is no part of an address. */
const BREAK = '\u0000';

export interface LinkedSpan extends AnsiSpan {
  href?: string;
}

/**
 * Addresses in output become links: http and https alone, and only of what one sees. A colour may change in the midst of
 * one. An address with a name before its host (`https://bank.example@evil.example`) is not linked: it deceives.
 */
export function withLinks(spans: readonly AnsiSpan[]): LinkedSpan[] {
  const text = spans.map((span) => (span.sign || span.hidden ? BREAK.repeat(span.text.length) : span.text)).join('');
  if (!/https?:\/\//i.test(text)) return spans as LinkedSpan[];
  const links: { from: number; to: number; href: string }[] = [];
  for (const match of text.matchAll(ADDRESS)) {
    const found = withoutTrailing(match[0]);
    const href = found.length <= URL_CHARS_MAX ? addressOf(found) : null;
    if (href) links.push({ from: match.index, to: match.index + found.length, href });
  }
  return links.length === 0 ? [...spans] : cut(spans, links, (span, { href }) => ({ ...span, href }));
}

/** Punctuation behind an address belongs to the sentence; a bracket only if it was opened outside. */
function withoutTrailing(text: string): string {
  let found = text;
  while (TRAILING.test(found)) {
    const last = found.at(-1)!;
    const opening = PAIRS[last];
    if (opening && count(found, opening) >= count(found, last)) break;
    found = found.slice(0, -1);
  }
  return found;
}

const count = (text: string, character: string) => text.split(character).length - 1;

function addressOf(text: string): string | null {
  try {
    const url = new URL(text);
    const safe = (url.protocol === 'http:' || url.protocol === 'https:') && url.username === '' && url.password === '';
    return safe && url.hostname !== '' ? url.href : null;
  } catch {
    return null;
  }
}
