type Texts = readonly (string | null | undefined)[];

/** Whether every word of the query occurs in one of the texts, in any order. */
export function matchesQuery(query: string, ...texts: Texts): boolean {
  const words = wordsOf(query);
  return words.length === 0 || isMatch(words, searchable(texts));
}

/**
 * Finds items of which every word of a query occurs in one of their texts. What is to be searched of an item is put together once for as long
 * as the item is the same: of ten thousand that are searched with every letter and every change of one, the others cost no more than looking.
 */
export class TextSearch<T extends object> {
  private readonly known = new WeakMap<T, string>();

  constructor(private readonly textsOf: (item: T) => Texts) {}

  /** A test for many items. */
  matcher(query: string): (item: T) => boolean {
    const words = wordsOf(query);
    return words.length === 0 ? () => true : (item) => isMatch(words, this.textOf(item));
  }

  private textOf(item: T): string {
    const known = this.known.get(item);
    if (known !== undefined) return known;
    const text = searchable(this.textsOf(item));
    this.known.set(item, text);
    return text;
  }
}

const wordsOf = (query: string) => query.toLowerCase().split(/\s+/).filter(Boolean);
const searchable = (texts: Texts) => texts.filter(Boolean).join('\n').toLowerCase();
const isMatch = (words: readonly string[], text: string) => words.every((word) => text.includes(word));

/** By name as people read it: web-2 before web-10. */
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });
export function byName<T extends { name: string }>(a: T, b: T): number {
  return collator.compare(a.name, b.name);
}

export function compareText(a: string, b: string): number {
  return collator.compare(a, b);
}
