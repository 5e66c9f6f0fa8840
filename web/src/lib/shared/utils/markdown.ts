/**
 * A small part of Markdown, taken apart into what a component draws as text: headings, paragraphs, lists, tables, quotes, code, emphasis,
 * links. What is written as HTML stays the text that it is; nothing here ever becomes markup.
 */

/** Longer texts are cut: who writes so much wrote no README. */
const TEXT_MAX = 64 * 1024;

export type Inline =
  | { kind: 'text' | 'code' | 'strong' | 'em'; text: string }
  | { kind: 'link'; text: string; href: string };

export type Block =
  | { kind: 'heading'; level: number; text: Inline[] }
  | { kind: 'paragraph' | 'quote'; text: Inline[] }
  | { kind: 'list'; ordered: boolean; items: Inline[][] }
  | { kind: 'code'; text: string }
  | { kind: 'table'; head: Inline[][]; rows: Inline[][][] }
  | { kind: 'rule' };

const ITEM = /^\s{0,3}(?:[-*+]|(\d{1,9})[.)])\s+(.*)$/;
const FENCE = /^\s{0,3}(```+|~~~+)/;

export function parseMarkdown(source: string): Block[] {
  const lines = source.slice(0, TEXT_MAX).replaceAll('\r\n', '\n').split('\n');
  const blocks: Block[] = [];
  let at = 0;
  while (at < lines.length) {
    const [block, next] = readBlock(lines, at);
    if (block) blocks.push(block);
    at = next;
  }
  return blocks;
}

/** The block that begins at a line, and where the next one does. */
function readBlock(lines: readonly string[], at: number): [Block | null, number] {
  const line = lines[at]!;
  if (line.trim() === '') return [null, at + 1];
  const fence = FENCE.exec(line)?.[1];
  if (fence) return readCode(lines, at + 1, fence);
  const heading = /^\s{0,3}(#{1,6})\s+(.*?)\s*#*$/.exec(line);
  if (heading) return [{ kind: 'heading', level: heading[1]!.length, text: parseInline(heading[2]!) }, at + 1];
  if (/^\s{0,3}([-*_])(?:\s*\1){2,}\s*$/.test(line)) return [{ kind: 'rule' }, at + 1];
  if (line.includes('|') && /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/.test(lines[at + 1] ?? '')) return readTable(lines, at);
  if (ITEM.test(line)) return readList(lines, at);
  return readParagraph(lines, at);
}

function readCode(lines: readonly string[], from: number, fence: string): [Block, number] {
  let end = from;
  while (end < lines.length && !lines[end]!.trimStart().startsWith(fence)) end++;
  return [{ kind: 'code', text: lines.slice(from, end).join('\n') }, end + 1];
}

function readTable(lines: readonly string[], at: number): [Block, number] {
  const cells = (line: string) => line.trim().replace(/^\|/, '').replace(/\|$/, '').split('|').map((cell) => parseInline(cell.trim()));
  const rows: Inline[][][] = [];
  let end = at + 2;
  for (; end < lines.length && lines[end]!.includes('|') && lines[end]!.trim() !== ''; end++) rows.push(cells(lines[end]!));
  return [{ kind: 'table', head: cells(lines[at]!), rows }, end];
}

function readList(lines: readonly string[], at: number): [Block, number] {
  const ordered = ITEM.exec(lines[at]!)?.[1] !== undefined;
  const items: string[] = [];
  let end = at;
  for (; end < lines.length && lines[end]!.trim() !== ''; end++) {
    const item = ITEM.exec(lines[end]!);
    if (item) items.push(item[2]!);
    else items.push(`${items.pop() ?? ''} ${lines[end]!.trim()}`);
  }
  return [{ kind: 'list', ordered, items: items.map(parseInline) }, end];
}

function readParagraph(lines: readonly string[], at: number): [Block, number] {
  const quoted = lines[at]!.trimStart().startsWith('>');
  let end = at + 1;
  while (end < lines.length && lines[end]!.trim() !== '' && !FENCE.test(lines[end]!) && !/^\s{0,3}#{1,6}\s/.test(lines[end]!) && !ITEM.test(lines[end]!)) end++;
  const text = lines.slice(at, end).map((line) => (quoted ? line.replace(/^\s*>\s?/, '') : line.trim())).join(' ');
  return [{ kind: quoted ? 'quote' : 'paragraph', text: parseInline(text) }, end];
}

/** Each alternative begins with its own sign and cannot reach past its end, so that no text takes long to read. */
const MARKS = /(`{1,3})([^`]+)\1|\*\*([^*]+)\*\*|\[([^[\]]+)\]\(([^()\s]+)\)|\*([^*\s][^*]*)\*|(?<!\w)_([^_\s][^_]*)_(?!\w)/g;

export function parseInline(text: string): Inline[] {
  const parts: Inline[] = [];
  let end = 0;
  for (const found of text.matchAll(MARKS)) {
    if (found.index > end) parts.push({ kind: 'text', text: text.slice(end, found.index) });
    parts.push(partOf(found));
    end = found.index + found[0].length;
  }
  if (end < text.length) parts.push({ kind: 'text', text: text.slice(end) });
  return parts;
}

function partOf([whole, , code, strong, label, href, starred, underlined]: RegExpExecArray): Inline {
  if (code !== undefined) return { kind: 'code', text: code };
  if (strong !== undefined) return { kind: 'strong', text: strong };
  // An address that is no web address, or one within the plugin's own folder, leads nowhere from here.
  if (label !== undefined) return href && /^https?:\/\//i.test(href) ? { kind: 'link', text: label, href } : { kind: 'text', text: label };
  const em = starred ?? underlined;
  return em === undefined ? { kind: 'text', text: whole } : { kind: 'em', text: em };
}
