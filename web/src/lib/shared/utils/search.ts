/** Whether every word of the query occurs in one of the texts, in any order. */
export function matchesQuery(query: string, ...texts: (string | null | undefined)[]): boolean {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const haystack = texts.filter(Boolean).join('\n').toLowerCase();
  return words.every((word) => haystack.includes(word));
}

/** By name as people read it: web-2 before web-10. */
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });
export function byName<T extends { name: string }>(a: T, b: T): number {
  return collator.compare(a.name, b.name);
}

export function compareText(a: string, b: string): number {
  return collator.compare(a, b);
}

/**
 * Sorts what is mostly sorted already: items that were there stand as they stood, new ones after them, and a sort of what is in order
 * compares each with its neighbour alone. A thousand names in a thousand places are compared ten times as often.
 */
export function sortedAgain<T extends { id: string }>(before: readonly T[], now: Iterable<T>, compare: (a: T, b: T) => number): T[] {
  const left = new Map<string, T>();
  for (const item of now) left.set(item.id, item);
  const known: T[] = [];
  for (const { id } of before) {
    const item = left.get(id);
    if (item === undefined) continue;
    known.push(item);
    left.delete(id);
  }
  return [...known, ...left.values()].sort(compare);
}
