/** How items are told apart, and in which order they stand. */
export interface Order<T> {
  keyOf: (item: T) => string;
  compare: (a: T, b: T) => number;
}

/**
 * Items by their keys and in an order, as they come, change and go one by one. A change of one finds its place and touches nothing of the
 * others: neither are they compared with each other nor is each of them watched for itself, which for a thousand would cost more than
 * drawing those that are seen.
 */
export class OrderedList<T> {
  private version = $state(0);
  private readonly byKey = new Map<string, T>();
  private sorted: T[] = [];
  /** What was given away; made anew when somebody asks after a change. */
  private given: readonly T[] | null = null;

  constructor(
    private readonly order: Order<T>,
    items: Iterable<T> = []
  ) {
    this.take(items);
  }

  /** In their order; the same array until something changes. */
  get all(): readonly T[] {
    return this.version >= 0 ? (this.given ??= [...this.sorted]) : [];
  }

  get size(): number {
    return this.version >= 0 ? this.byKey.size : 0;
  }

  get(key: string): T | undefined {
    return this.version >= 0 ? this.byKey.get(key) : undefined;
  }

  /** Adds an item, or takes it in the place of the one with its key. */
  put(item: T): void {
    const { keyOf, compare } = this.order;
    const key = keyOf(item);
    const before = this.byKey.get(key);
    this.byKey.set(key, item);
    const at = before === undefined ? -1 : this.indexOf(before);
    if (before !== undefined && compare(before, item) === 0) this.sorted[at] = item;
    else {
      if (before !== undefined) this.sorted.splice(at, 1);
      this.sorted.splice(this.firstAfter(item), 0, item);
    }
    this.changed();
  }

  delete(key: string): void {
    const item = this.byKey.get(key);
    if (item === undefined) return;
    this.sorted.splice(this.indexOf(item), 1);
    this.byKey.delete(key);
    this.changed();
  }

  /** These and no others. Gives the keys of those that are gone. */
  replace(items: Iterable<T>): string[] {
    const before = [...this.byKey.keys()];
    this.take(items);
    this.changed();
    return before.filter((key) => !this.byKey.has(key));
  }

  /** Those that were there stand as they stood, new ones after them: a sort of what is in order compares each with its neighbour alone. */
  private take(items: Iterable<T>): void {
    const { keyOf, compare } = this.order;
    const known = this.sorted.map(keyOf);
    this.byKey.clear();
    const places = new Map<string, T | undefined>(known.map((key) => [key, undefined]));
    for (const item of items) {
      this.byKey.set(keyOf(item), item);
      places.set(keyOf(item), item);
    }
    this.sorted = [...places.values()].filter((item): item is T => item !== undefined).sort(compare);
  }

  private changed(): void {
    this.given = null;
    this.version++;
  }

  /** Where an item stands that is there. */
  private indexOf(item: T): number {
    let at = this.search((other) => this.order.compare(other, item) < 0);
    while (this.sorted[at] !== item) at++;
    return at;
  }

  private firstAfter(item: T): number {
    return this.search((other) => this.order.compare(other, item) <= 0);
  }

  /** The first place of which something is not so any more. */
  private search(before: (other: T) => boolean): number {
    let [from, to] = [0, this.sorted.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (before(this.sorted[middle]!)) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}
