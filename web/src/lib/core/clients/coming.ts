/** Shapes of the API that the generated ones do not have yet, by the API's own description. */
import type { Command, TaskStatus } from './generated';

/** A number of VMs, or a part of them: `5` or `"20%"`. */
export type Share = number | string;

export interface Batch {
  size: Share;
  pause_seconds?: number;
}

export interface RunAs {
  user: string;
  secret?: string | null;
}

/** What is known of a cancelled command's processes. */
export interface Receipt {
  at: string;
  signalled: number;
  killed: number;
  gone: number;
  survivors: number[];
  unknown: string;
  message: string;
}

export interface JobMore {
  canary?: Share | null;
  batch?: Batch | null;
  max_failures?: Share | null;
  job_timeout_seconds?: number | null;
  run_as?: RunAs | null;
  retry_of?: string | null;
  command_hash: string;
}

export interface TaskMore {
  command?: Command | null;
  env?: Record<string, string> | null;
  workdir?: string | null;
  contact_lost_at: string | null;
  receipt: Receipt | null;
}

/** What a machine told of itself; null where it did not tell. */
export interface Facts {
  os: string | null;
  kernel: string | null;
  arch: string | null;
  cpus: number | null;
  memory_bytes: number | null;
  disk_bytes: number | null;
  disk_free_bytes: number | null;
  uptime_seconds: number | null;
  load_1: number | null;
  gathered_at: string;
}

export interface VmOptions {
  keepalive_seconds?: number | null;
  ciphers?: string[] | null;
  kex?: string[] | null;
  macs?: string[] | null;
  host_key_algorithms?: string[] | null;
  password_secret?: string | null;
}

export interface RevokedHostKey {
  key: string;
  fingerprint: string;
  revoked_at: string;
}

export interface VmMore {
  options: VmOptions;
  facts: Facts | null;
  revoked_host_keys: RevokedHostKey[];
}

export interface GroupVm {
  vm_id: string;
  vm_name: string;
  status: TaskStatus;
}

/** Tasks that wrote the same and ended alike. */
export interface Group {
  digest: string;
  lines: number;
  bytes: number;
  exit_code: number | null;
  vms: GroupVm[];
  text: string;
  truncated: boolean;
  diff: string | null;
}

export interface Groups {
  total: number;
  pending: number;
  groups: Group[];
}

export interface PreviewItem {
  vm_id: string;
  vm_name: string;
  command: Command;
  env: Record<string, string>;
  workdir: string | null;
  shell: string;
}

/** What a job would do. */
export interface Preview {
  dry_run: boolean;
  command_hash: string;
  total: number;
  waves: { name: string; vms: string[] }[];
  items: PreviewItem[];
}

/** What may be told of a secret. */
export interface Secret {
  name: string;
  created_at: string;
  updated_at: string;
  /** Names of the VMs that need it. */
  vms?: string[];
}
