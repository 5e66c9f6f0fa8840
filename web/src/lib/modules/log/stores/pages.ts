import type { ShownLine } from '../types';

/** Lines a page; a multiple of what fits on any screen. */
export const PAGE_LINES = 500;
/** Pages kept; those looked at longest ago go first. */
export const PAGES_MAX = 120;

/** A bounded, sparse memory of a log of any length. */
export class LinePages {
  private readonly pages = new Map<number, (ShownLine | undefined)[]>();

  get(index: number): ShownLine | undefined {
    return this.pages.get(Math.floor(index / PAGE_LINES))?.[index % PAGE_LINES];
  }

  put(line: ShownLine): void {
    const number = Math.floor(line.n / PAGE_LINES);
    let page = this.pages.get(number);
    if (!page) {
      page = [];
      this.pages.set(number, page);
      this.evict();
    }
    page[line.n % PAGE_LINES] = line;
  }

  /** The first stretch without gaps of lines that are missing in `from .. to`, at most `most` long. */
  missing(from: number, to: number, most: number): { from: number; count: number } | null {
    let first = from;
    while (first < to && this.get(first)) first++;
    if (first >= to) return null;
    let end = first;
    while (end < to && end - first < most && !this.get(end)) end++;
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
  }

  private evict(): void {
    if (this.pages.size <= PAGES_MAX) return;
    const oldest = this.pages.keys().next();
    if (!oldest.done) this.pages.delete(oldest.value);
  }
}
