import { tick, untrack } from 'svelte';
import { spanOf, type RowSpan } from './rowSpan';

/** Lists that are no longer than this are drawn whole: a browser's own search and a screen reader then find everything. */
export const WHOLE_ROWS_MAX = 120;
/** A difference that is no more than rounding, in CSS pixels. */
const SAME_PX = 0.5;

export interface RowWindowOptions<T> {
  items: () => readonly T[];
  keyOf: (item: T) => string;
  /** How tall a row is until it was measured, in CSS pixels. */
  estimate: number;
  /** Up to so many are drawn whole; fewer than usual where a row costs much. */
  wholeMax?: number;
}

/**
 * The part of a long list that is drawn. The element that holds the rows is given to `attach`; its children carry the row's key in
 * `data-row`. Rows may differ in height: when that of the list is another than was thought, those that are drawn are measured. The browser
 * tells so once it has laid the page out; whoever asks earlier makes it do that twice.
 */
export class RowWindow<T> {
  private top = $state(0);
  private viewHeight = $state(0);
  /** Counts measurements that changed a height. */
  private measured = $state(0);
  private readonly heights = new Map<string, number>();
  private place: { holder: HTMLElement; scroller: HTMLElement; look: () => void } | null = null;

  private items = $derived.by(() => this.options.items());
  private span = $derived.by<RowSpan>(() => {
    const { items } = this;
    if (items.length <= this.wholeMax) return { from: 0, to: items.length, before: 0, after: 0 };
    const { keyOf, estimate } = this.options;
    const known = this.measured >= 0 ? this.heights : null;
    return spanOf(items.length, (i) => known?.get(keyOf(items[i]!)) ?? estimate, this.top, this.viewHeight);
  });
  /** Rows to draw, with their place in the whole list. */
  rows = $derived.by(() => {
    const { from, to } = this.span;
    return this.items.slice(from, to).map((item, i) => ({ item, key: this.options.keyOf(item), index: from + i }));
  });

  constructor(private readonly options: RowWindowOptions<T>) {}

  get before(): number {
    return this.span.before;
  }

  get after(): number {
    return this.span.after;
  }

  private get wholeMax(): number {
    return this.options.wholeMax ?? WHOLE_ROWS_MAX;
  }

  get count(): number {
    return this.items.length;
  }

  /** Watches the element that holds the rows, and what it scrolls in. */
  readonly attach = (holder: HTMLElement): (() => void) => {
    const scroller = scrollerOf(holder);
    const look = () => {
      const top = scroller.getBoundingClientRect().top - holder.getBoundingClientRect().top;
      if (Math.abs(top - this.top) > SAME_PX) this.top = top;
      if (scroller.clientHeight !== this.viewHeight) this.viewHeight = scroller.clientHeight;
    };
    // What is found out is drawn with the next picture: rows that are drawn meanwhile would make the browser tell of them at once, without end.
    const resized = new ResizeObserver((entries) => {
      const changed = this.count > this.wholeMax && this.measure(holder);
      requestAnimationFrame(() => {
        if (entries.some(({ target }) => target === scroller)) look();
        if (changed) this.measured++;
      });
    });
    resized.observe(scroller);
    resized.observe(holder);
    scroller.addEventListener('scroll', look, { passive: true });
    untrack(look);
    this.place = { holder, scroller, look };
    return () => {
      this.place = null;
      resized.disconnect();
      scroller.removeEventListener('scroll', look);
    };
  };

  /** The element of a row, once it is drawn; if it is far from what is seen, that is scrolled to it. For the keyboard. */
  async reveal(index: number): Promise<HTMLElement | null> {
    const item = this.items[index];
    if (item === undefined || !this.place) return null;
    const { holder, scroller, look } = this.place;
    const key = this.options.keyOf(item);
    const drawn = () => [...holder.children].find((row) => (row as HTMLElement).dataset.row === key) as HTMLElement | undefined;
    if (!drawn()) {
      const above = this.items.slice(0, index).reduce((sum, each) => sum + (this.heights.get(this.options.keyOf(each)) ?? this.options.estimate), 0);
      scroller.scrollTop += above - this.top - this.viewHeight / 2;
      look();
      await tick();
    }
    return drawn() ?? null;
  }

  /** True if the height of a row is another than was thought. */
  private measure(holder: HTMLElement): boolean {
    let changed = false;
    for (const row of holder.children) {
      const key = (row as HTMLElement).dataset.row;
      const height = row.getBoundingClientRect().height;
      if (key === undefined || height === 0 || Math.abs((this.heights.get(key) ?? this.options.estimate) - height) <= SAME_PX) continue;
      this.heights.set(key, height);
      changed = true;
    }
    return changed;
  }
}

/** The nearest element around it that scrolls up and down. */
function scrollerOf(element: HTMLElement): HTMLElement {
  for (let at = element.parentElement; at; at = at.parentElement) {
    if (/auto|scroll/.test(getComputedStyle(at).overflowY)) return at;
  }
  return document.documentElement;
}
