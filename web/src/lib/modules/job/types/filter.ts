import type { JobStatus, Query } from '$lib/core/clients';
import { JOB_LABEL } from './status';

export interface JobFilter {
  status: JobStatus | '';
  vm: string;
  template: string;
  text: string;
  /** Not older than so many milliseconds; empty: however old. */
  within: string;
}

/** What the host is asked for; it does not search texts. */
export interface JobListQuery extends Pick<JobFilter, 'status' | 'vm' | 'template'> {
  since: string | null;
}

export const NO_FILTER: JobFilter = { status: '', vm: '', template: '', text: '', within: '' };

/** Which jobs an address is about; what in it is none of the filters is left out. */
export function jobFilterOf(address: URLSearchParams): JobFilter {
  const said = (name: keyof JobFilter) => address.get(name) ?? '';
  const isStatus = (text: string): text is JobStatus => Object.hasOwn(JOB_LABEL, text);
  const status = said('status');
  return {
    status: isStatus(status) ? status : '',
    vm: said('vm'),
    template: said('template'),
    text: said('text'),
    within: /^[1-9][0-9]{0,11}$/.test(said('within')) ? said('within') : ''
  };
}

/** The filters as an address has them. */
export function jobFilterQuery({ status, vm, template, text, within }: JobFilter): Query {
  return { status, vm, template, within, text };
}
