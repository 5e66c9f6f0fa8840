import type { Batch, CommandLine, Filters, JobStatus, RunAs, Share } from '$lib/core/clients';

export type {
  CommandLine,
  Counts,
  Group,
  Groups,
  Job,
  JobStatus,
  Preview,
  Receipt,
  RunAs,
  Share,
  Task,
  TaskChanges,
  TaskStatus
} from '$lib/core/clients';
export * from './receipt';
export * from './retry';
export * from './status';
export * from './waves';

export type RunMode = 'durable' | 'direct';

export interface JobRequest {
  command?: CommandLine;
  template?: { id: string; args?: Record<string, unknown> };
  targets: { vms: string[] };
  mode?: RunMode;
  parallelism?: number;
  canary?: Share;
  batch?: Batch;
  max_failures?: Share;
  timeout_seconds?: number;
  job_timeout_seconds?: number;
  run_as?: RunAs;
  env?: Record<string, string>;
  workdir?: string;
  stdin?: string;
  filters?: Filters;
  /** The hash of a preview; the host refuses if what it would run is something else by now. */
  expect_hash?: string;
}

export type OutputStream = 'both' | 'stdout' | 'stderr';

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
