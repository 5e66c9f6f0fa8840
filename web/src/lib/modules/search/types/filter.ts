import type { Query } from '$lib/core/clients';
import type { SearchQuery } from '$lib/modules/log';

const MINUTE = 60_000;

/** Times back from now, as they stand in an address. */
export const RANGES = [
  { value: '', label: 'Any time', ms: 0 },
  { value: '15m', label: 'Last 15 minutes', ms: 15 * MINUTE },
  { value: '1h', label: 'Last hour', ms: 60 * MINUTE },
  { value: '24h', label: 'Last 24 hours', ms: 24 * 60 * MINUTE },
  { value: '7d', label: 'Last 7 days', ms: 7 * 24 * 60 * MINUTE },
  { value: 'custom', label: 'Between two times', ms: 0 }
] as const;

export const CONTEXTS = [0, 2, 5, 10] as const;
const CONTEXT_DEFAULT = 2;

/** What a person asks for. It is all in the address, so that it can be shared and come back to. */
export interface SearchFilter {
  q: string;
  regex: boolean;
  /** Upper and lower case matter. */
  matchCase: boolean;
  job: string;
  vm: string;
  template: string;
  stream: '' | 'stdout' | 'stderr';
  /** The mildest level wanted. */
  level: string;
  /** Further terms about annotations. */
  annotations: string;
  range: string;
  /** Of a range between two times, by the clock of whoever asks: `2026-01-31T12:00`. */
  since: string;
  until: string;
  context: number;
}

export const NO_FILTER: SearchFilter = {
  q: '',
  regex: false,
  matchCase: false,
  job: '',
  vm: '',
  template: '',
  stream: '',
  level: '',
  annotations: '',
  range: '',
  since: '',
  until: '',
  context: CONTEXT_DEFAULT
};

export function filterOf(address: URLSearchParams): SearchFilter {
  const text = (key: string) => address.get(key) ?? '';
  const stream = text('stream');
  const context = CONTEXTS.find((each) => String(each) === text('context'));
  return {
    q: text('q'),
    regex: text('regex') === 'true',
    matchCase: text('case') === 'true',
    job: text('job'),
    vm: text('vm'),
    template: text('template'),
    stream: stream === 'stdout' || stream === 'stderr' ? stream : '',
    level: text('level'),
    annotations: text('annotations'),
    range: RANGES.some(({ value }) => value === text('range')) ? text('range') : '',
    since: text('since'),
    until: text('until'),
    context: context ?? CONTEXT_DEFAULT
  };
}

export function addressOf(filter: SearchFilter): Query {
  const { matchCase, regex, context, since, until, ...texts } = filter;
  return {
    ...texts,
    regex: regex || null,
    case: matchCase || null,
    context: context === CONTEXT_DEFAULT ? null : context,
    ...(filter.range === 'custom' ? { since, until } : {})
  };
}

/** Whether there is anything to look for. A place alone is none: every line would be found. */
export function isAsking(filter: SearchFilter): boolean {
  return filter.q !== '' || filter.level !== '' || filter.annotations.trim() !== '';
}

/** How many filters beside the text narrow the search. */
export function narrowing(filter: SearchFilter): number {
  const { job, vm, template, stream, level, annotations, range } = filter;
  return [job, vm, template, stream, level, annotations, range].filter((each) => each !== '').length;
}

export function queryOf(filter: SearchFilter, now: number, limit: number): SearchQuery {
  const range = RANGES.find(({ value }) => value === filter.range);
  const custom = filter.range === 'custom';
  return {
    q: filter.q,
    regex: filter.regex,
    ignoreCase: !filter.matchCase,
    job: filter.job,
    vm: filter.vm,
    template: filter.template,
    stream: filter.stream,
    annotations: [filter.level && `level>=${filter.level}`, filter.annotations.trim()].filter(Boolean).join(','),
    since: custom ? moment(filter.since) : range && range.ms > 0 ? new Date(now - range.ms).toISOString() : '',
    until: custom ? moment(filter.until) : '',
    context: filter.context,
    limit
  };
}

function moment(local: string): string {
  const at = new Date(local);
  return local === '' || Number.isNaN(at.getTime()) ? '' : at.toISOString();
}
