/**
 * The label selector, `env=prod,role=web|db,!canary,web-*`, as the host reads it. Here only to show at once what a
 * selector chooses; the host decides again when a job is made.
 */

export interface Selectable {
  name: string;
  labels: Record<string, string>;
}

export type Selector = (vm: Selectable) => boolean;

export class SelectorError extends Error {
  constructor(part: string, problem: string) {
    super(part ? `“${part}” ${problem}` : problem);
    this.name = 'SelectorError';
  }
}

/** Reads a selector; throws a SelectorError that names the part that is wrong. */
export function parseSelector(text: string): Selector {
  const terms = text.split(',').map((part) => parseTerm(part.trim()));
  return (vm) => terms.every((term) => term(vm));
}

/** Whether a text reads like a selector rather than like a search. */
export function looksLikeSelector(text: string): boolean {
  return /[=,!*|]/.test(text) || text.trim() === 'all';
}

function parseTerm(part: string): Selector {
  if (part === '') throw new SelectorError('', 'A part is empty; write “all” to choose every machine.');
  if (part === 'all') return () => true;
  const differs = part.indexOf('!=');
  if (differs >= 0) return comparison(part, differs, 2, false);
  const equals = part.indexOf('=');
  if (equals >= 0) return comparison(part, equals, 1, true);
  const negated = part.startsWith('!');
  const word = negated ? part.slice(1).trimStart() : part;
  if (word === '') throw new SelectorError(part, 'needs a label or a name after it.');
  const words = alternatives(part, word);
  const held: Selector = (vm) => words.some((word) => word in vm.labels || matchesPattern(word, vm.name));
  return negated ? (vm) => !held(vm) : held;
}

function comparison(part: string, at: number, width: number, wanted: boolean): Selector {
  const key = part.slice(0, at).trimEnd();
  const patterns = alternatives(part, part.slice(at + width).trimStart());
  if (key === '') throw new SelectorError(part, 'has no key before the sign.');
  if (!/^[\w./-]+$/.test(key)) throw new SelectorError(part, 'has a key that no label has.');
  return (vm) => {
    const value = key in vm.labels ? vm.labels[key] : key === 'name' ? vm.name : undefined;
    return (value !== undefined && patterns.some((pattern) => matchesPattern(pattern, value))) === wanted;
  };
}

/** `web|db`: either of them. */
function alternatives(part: string, text: string): string[] {
  const all = text.split('|');
  if (all.length > 1 && all.includes('')) throw new SelectorError(part, 'has nothing on one side of “|”.');
  return all;
}

/** `*` stands for any run of characters; nothing else is special. */
function matchesPattern(pattern: string, text: string): boolean {
  const [first = '', ...others] = pattern.split('*');
  if (!text.startsWith(first)) return false;
  let rest = text.slice(first.length);
  const last = others.pop();
  if (last === undefined) return rest === '';
  for (const part of others) {
    const at = rest.indexOf(part);
    if (at < 0) return false;
    rest = rest.slice(at + part.length);
  }
  return rest.endsWith(last);
}
