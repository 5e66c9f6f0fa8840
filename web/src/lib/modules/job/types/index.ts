import type { Batch, CommandLine, Filters, RunAs, Share } from '$lib/core/clients';

export type {
  Activity,
  ActivityStep,
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
export * from './filter';
export * from './order';
export * from './overTime';
export * from './receipt';
export * from './retry';
export * from './status';
export * from './timeline';
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
