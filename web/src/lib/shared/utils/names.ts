import { compareText } from './search';

/**
 * Names as a short text: `web-[1-3,7], db-1`. Names that differ only in their last number are folded, as clush folds them;
 * numbers with leading zeros only with those of the same width.
 */
export function foldNames(names: readonly string[]): string {
  const groups = new Map<string, { before: string; after: string; width: number; numbers: Set<number> } | string>();
  for (const name of names) {
    const parts = /^(.*?)(\d{1,9})(\D*)$/.exec(name);
    if (!parts) {
      groups.set(`=${name}`, name);
      continue;
    }
    const [, before = '', digits = '', after = ''] = parts;
    const width = digits.length > 1 && digits.startsWith('0') ? digits.length : 0;
    const key = `#${before}#${after}#${width}`;
    const held = groups.get(key);
    const group = held && typeof held !== 'string' ? held : { before, after, width, numbers: new Set<number>() };
    group.numbers.add(Number(digits));
    groups.set(key, group);
  }
  const written = [...groups.values()].map((group) => {
    if (typeof group === 'string') return group;
    const runs = runsOf([...group.numbers].sort((a, b) => a - b), group.width);
    return group.before + (group.numbers.size === 1 ? runs : `[${runs}]`) + group.after;
  });
  return written.sort(compareText).join(', ');
}

/** `1-3,7` of sorted numbers. */
function runsOf(numbers: readonly number[], width: number): string {
  const write = (number: number) => String(number).padStart(width, '0');
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs.map(([from, to]) => (from === to ? write(from) : `${write(from)}-${write(to)}`)).join(',');
}
