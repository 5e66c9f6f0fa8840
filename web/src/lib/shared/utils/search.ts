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
