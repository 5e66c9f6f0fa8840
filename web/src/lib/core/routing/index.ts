import { queryString, type Query } from '../clients';

/** Lines from one to another, both meant, as people count: from 1. */
export interface LineRange {
  from: number;
  to: number;
}

/** Addresses that are shared: a job, a machine's output in it, lines of that. */
export function jobPath(job: string, vm?: string | null, lines?: LineRange | number | null): string {
  const line = typeof lines === 'number' ? String(lines) : lines ? lineRangeText(lines) : null;
  return `/jobs/${job}${queryString({ vm, line: vm ? line : null })}`;
}

/** `12`, `12-40`. */
export function lineRangeText({ from, to }: LineRange): string {
  return from === to ? String(from) : `${from}-${to}`;
}

/** What an address says about lines: `12`, `12-40`; null if it is neither. */
export function lineRangeOf(text: string | null): LineRange | null {
  const [, first, last] = /^([1-9][0-9]{0,14})(?:-([1-9][0-9]{0,14}))?$/.exec(text ?? '') ?? [];
  if (!first) return null;
  const [from, to] = [Number(first), Number(last ?? first)];
  return { from: Math.min(from, to), to: Math.max(from, to) };
}

/** The search over all output. */
export function logsPath(query: Query = {}): string {
  return `/logs${queryString(query)}`;
}

/** Ways to look at a job beside the lines of one machine: all lines, what was the same, when it was, how it was before. */
export type JobView = 'together' | 'grouped' | 'timeline' | 'over-time';

export function jobViewPath(job: string, view: JobView): string {
  return `/jobs/${job}?view=${view}`;
}

export function vmPath(vm: string): string {
  return `/vms/${vm}`;
}

export function pluginPath(plugin: string): string {
  return `/plugins/${encodeURIComponent(plugin)}`;
}

/** The run page with a job shown live. */
export function runPath(job?: string | null): string {
  return job ? `/?job=${job}` : '/';
}
