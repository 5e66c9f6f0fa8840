import { queryString } from '$lib/core/clients';
import type { JobStatus } from '$lib/core/clients';
import { JOB_LABEL } from './status';

const HOUR_MS = 3_600_000;
/** How old jobs may be that are shown. */
export const WITHIN = {
  '1h': { label: 'Last hour', ms: HOUR_MS },
  '24h': { label: 'Last 24 hours', ms: 24 * HOUR_MS },
  '7d': { label: 'Last 7 days', ms: 7 * 24 * HOUR_MS }
} as const;
export type Within = keyof typeof WITHIN;

export interface JobFilter {
  status: JobStatus | '';
  vm: string;
  template: string;
  text: string;
  /** Empty: however old. */
  within: Within | '';
}

/** What the host is asked for; it does not search texts. */
export interface JobListQuery extends Pick<JobFilter, 'status' | 'vm' | 'template'> {
  since: string | null;
}

export const NO_FILTER: JobFilter = { status: '', vm: '', template: '', text: '', within: '' };

/** The address of the list as it is filtered, to be shared or come back to. */
export function jobsPath(filter: Partial<JobFilter> = {}): string {
  const { status, vm, template, within, text } = { ...NO_FILTER, ...filter };
  return `/jobs${queryString({ status, vm, template, within, q: text })}`;
}

/** What an address asks for; what makes no sense in it is passed over. Null if it asks for nothing. */
export function jobFilterOf(address: URLSearchParams): JobFilter | null {
  const known = <T extends string>(name: string, among: object): T | '' => {
    const value = address.get(name) ?? '';
    return Object.hasOwn(among, value) ? (value as T) : '';
  };
  const filter: JobFilter = {
    status: known<JobStatus>('status', JOB_LABEL),
    vm: address.get('vm') ?? '',
    template: address.get('template') ?? '',
    text: address.get('q') ?? '',
    within: known<Within>('within', WITHIN)
  };
  return Object.values(filter).some((value) => value !== '') ? filter : null;
}
