import type { ShownLine } from '../types';

/** Lines a page; a multiple of what fits on any screen. */
export const PAGE_LINES = 500;
/** Pages kept; those looked at longest ago go first. */
export const PAGES_MAX = 120;
/** Text kept in them, in characters: lines may be long. */
export const KEPT_TEXT_MAX = 48_000_000;

/** A bounded, sparse memory of a log of any length. */
export class LinePages {
  private readonly pages = new Map<number, (ShownLine | undefined)[]>();
  private readonly chars = new Map<number, number>();
  private allChars = 0;

  get(index: number): ShownLine | undefined {
    return this.pages.get(Math.floor(index / PAGE_LINES))?.[index % PAGE_LINES];
  }

  put(line: ShownLine): void {
    const number = Math.floor(line.n / PAGE_LINES);
    let page = this.pages.get(number);
    if (!page) {
      page = [];
      this.pages.set(number, page);
    }
    const slot = line.n % PAGE_LINES;
    const grown = line.text.length - (page[slot]?.text.length ?? 0);
    page[slot] = line;
    this.chars.set(number, (this.chars.get(number) ?? 0) + grown);
    this.allChars += grown;
    this.evict(number);
  }

  /**
   * The first stretch without gaps of lines that are missing in `from .. to`, at most `most` long. What is `known` to be nowhere is not
   * missing.
   */
  missing(from: number, to: number, most: number, known: (index: number) => boolean = () => false): { from: number; count: number } | null {
    const here = (index: number) => this.get(index) !== undefined || known(index);
    let first = from;
    while (first < to && here(first)) first++;
    if (first >= to) return null;
    let end = first;
    while (end < to && end - first < most && !here(end)) end++;
    return { from: first, count: end - first };
  }

  /** Marks the pages of `from .. to` as looked at just now. */
  touch(from: number, to: number): void {
    for (let number = Math.floor(from / PAGE_LINES); number <= Math.floor(Math.max(from, to - 1) / PAGE_LINES); number++) {
      const page = this.pages.get(number);
      if (!page) continue;
      this.pages.delete(number);
      this.pages.set(number, page);
    }
  }

  clear(): void {
    this.pages.clear();
    this.chars.clear();
    this.allChars = 0;
  }

  /** The page that is just written to stays, whatever it holds. */
  private evict(written: number): void {
    while (this.pages.size > PAGES_MAX || this.allChars > KEPT_TEXT_MAX) {
      const [oldest] = this.pages.keys();
      if (oldest === undefined || oldest === written) return;
      this.pages.delete(oldest);
      this.allChars -= this.chars.get(oldest) ?? 0;
      this.chars.delete(oldest);
    }
  }
}
