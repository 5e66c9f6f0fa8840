/**
 * The shapes of the API as docs/protocol.md promises them. Times are RFC 3339 text, ids are UUIDs.
 */

export type VmStatus = 'unknown' | 'online' | 'offline';
export type TransportKind = 'ssh' | 'local';
export type AuthKind = 'agent' | 'key' | 'certificate' | 'password';
export type JobStatus = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'unknown';
export type TaskStatus =
  | 'queued'
  | 'connecting'
  | 'running'
  | 'succeeded'
  | 'failed'
  | 'cancelled'
  | 'timed_out'
  | 'unreachable'
  | 'unknown';
export type PluginState = 'compiling' | 'active' | 'failing' | 'quarantined' | 'broken' | 'blocked';
export type PluginKind = 'command-template' | 'log-filter' | 'discovery';

export type Labels = Record<string, string>;

export interface Auth {
  kind: AuthKind;
  identity_file?: string | null;
  secret?: string | null;
}

export interface HostKey {
  key: string;
  fingerprint: string;
  pinned_at: string;
}

export interface Vm {
  id: string;
  name: string;
  address: string;
  port: number;
  user: string;
  transport: TransportKind;
  labels: Labels;
  status: VmStatus;
  latency_ms: number | null;
  message: string;
  checked_at: string | null;
  offered_host_key: string | null;
  auth: Auth;
  jump: string[];
  source?: { plugin: string; external_id: string } | null;
  host_keys: HostKey[];
  accept_new_host_key: boolean;
  version: number;
  created_at: string;
  updated_at: string;
}

/** What a person gives for a VM. */
export interface VmInput {
  name: string;
  address: string;
  port: number;
  user: string;
  transport: TransportKind;
  labels: Labels;
  auth: Auth;
  jump: string[];
  accept_new_host_key: boolean;
}

export type CommandLine = { argv: string[] } | { script: string };

export interface Counts {
  queued: number;
  running: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  timed_out: number;
  unreachable: number;
  unknown: number;
}

export interface Job {
  id: string;
  status: JobStatus;
  mode: 'durable' | 'direct' | 'terminal';
  command: CommandLine;
  template?: { id: string; args: Record<string, unknown> } | null;
  targets: string[];
  counts: Counts;
  parallelism: number;
  timeout_seconds: number | null;
  created_by: string;
  plugins: Record<string, string>;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  cancel_requested_at: string | null;
  tasks?: Task[];
}

export interface Task {
  job_id: string;
  vm_id: string;
  vm_name: string;
  position: number;
  status: TaskStatus;
  command?: CommandLine | null;
  env?: [string, string][] | Record<string, string> | null;
  workdir?: string | null;
  exit_code: number | null;
  signal: string | null;
  lines: number;
  bytes: number;
  started_at: string | null;
  finished_at: string | null;
  message: string;
}

export interface Template {
  id: string;
  origin: 'plugin' | 'saved';
  plugin?: string | null;
  title: string;
  description: string;
  category: string;
  parameters: Record<string, unknown>;
  mode: 'durable' | 'direct' | 'terminal';
  dangerous: boolean;
  timeout_seconds: number | null;
  applies_to: string;
  slug?: string | null;
  script?: string | null;
  vm?: string | null;
  updated_at?: string | null;
}

export interface Plugin {
  id: string;
  name: string;
  version: string;
  api: string;
  provides: PluginKind[];
  state: PluginState;
  reason: string;
  generation: number;
  digest: string;
  origin: string;
  wants: { capability: string; reason: string }[];
}

export interface TemplateProblems {
  plugin: string;
  problems: string[];
}

export interface StateSnapshot {
  epoch: string;
  seq: number;
  vms: Vm[];
  jobs: Job[];
  tasks: Task[];
  templates: Template[];
  template_problems: TemplateProblems[];
  plugins: Plugin[];
  settings: Record<string, unknown>;
  sources: string[];
}

export interface JobChanges {
  status?: JobStatus;
  counts?: Counts;
  started_at?: string;
  finished_at?: string;
  cancel_requested_at?: string;
}

export interface TaskChanges {
  status?: TaskStatus;
  exit_code?: number;
  signal?: string;
  lines?: number;
  bytes?: number;
  started_at?: string;
  finished_at?: string;
  message?: string;
}

export interface EventHead {
  seq: number;
  epoch: string;
  at: string;
  actor: string;
}

export type EventBody =
  | { type: 'vm-added' | 'vm-updated'; vm: Vm }
  | { type: 'vm-removed'; id: string }
  | {
      type: 'vm-status-changed';
      id: string;
      status: VmStatus;
      latency_ms: number | null;
      message: string;
      checked_at: string | null;
      offered_host_key: string | null;
    }
  | { type: 'template-saved'; template: Template }
  | { type: 'template-removed'; id: string }
  | { type: 'templates-changed'; plugin: string; templates: Template[]; problems: string[] }
  | { type: 'job-created'; job: Job }
  | { type: 'job-updated'; job_id: string; changes: JobChanges }
  | { type: 'task-updated'; job_id: string; vm_id: string; changes: TaskChanges }
  | { type: 'plugin-loaded' | 'plugin-failed'; plugin: Plugin }
  | { type: 'plugin-removed'; id: string }
  | { type: 'setting-changed'; key: string; value: unknown };

export type Event = EventHead & EventBody;
export type EventType = EventBody['type'];
type BodyOf<B extends EventBody, T extends EventType> = B extends EventBody ? (T extends B['type'] ? B : never) : never;
export type EventOf<T extends EventType> = EventHead & BodyOf<EventBody, T>;

export type ClientMessage =
  | { t: 'subscribe'; ch: number; topic: 'state'; epoch?: string; seq?: number }
  | { t: 'subscribe'; ch: number; topic: 'log'; job: string; vm: string; from?: number }
  | { t: 'credit'; ch: number; lines: number }
  | { t: 'unsubscribe'; ch: number }
  | { t: 'ping'; id?: number };

export type ServerMessage =
  | { t: 'snapshot'; ch: number; epoch: string; seq: number; state: StateSnapshot }
  | { t: 'events'; ch: number; epoch: string; events: Event[] }
  | { t: 'bookmark'; ch: number; epoch: string; seq: number }
  | { t: 'lag'; ch: number; skipped: number }
  | { t: 'damaged'; ch: number; first: number; count: number }
  | { t: 'end'; ch: number; total: number }
  | { t: 'unsubscribed'; ch: number }
  | { t: 'pong'; id?: number }
  | { t: 'error'; ch?: number; code: string; message: string };

/** A line of a log page (HTTP). */
export interface LogPageLine {
  n: number;
  at: string;
  stream: 'stdout' | 'stderr';
  text: string;
  partial?: boolean;
  annotations?: Record<string, string>;
  changed_by?: string[];
}

export interface LogPage {
  task: { job_id: string; vm_id: string };
  from: number;
  total: number;
  complete: boolean;
  next: number | null;
  lines: LogPageLine[];
  damaged?: { first: number; count: number }[];
}

export interface ProblemDocument {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  errors?: { field: string; message: string }[];
}

export interface ListPage<T> {
  items: T[];
  next_cursor: string | null;
}

export interface ProbeStep {
  name: string;
  ok: boolean;
  detail: string;
  took_ms: number;
}

export interface Probe {
  ok: boolean;
  steps: ProbeStep[];
  latency_ms: number | null;
  failure: { step: string; message: string; remedy: string; offered_host_key: string | null } | null;
  new_host_key: string | null;
}

export interface Discovered {
  external_id: string;
  name: string;
  address: string;
  port: number;
  user: string;
  transport: TransportKind;
  labels: Labels;
  auth: Auth;
  jump_ids: string[];
  running: boolean | null;
  existing: string | null;
  difference: 'new' | 'same' | 'changed' | 'name_taken';
  changed_fields: string[];
}

export interface DiscoveryResult {
  source: string;
  at: string | null;
  items: Discovered[];
}

export interface Imported {
  added: string[];
  updated: string[];
  unchanged: number;
  problems: { external_id: string; message: string }[];
}

export interface RenderedFor {
  vm_id: string;
  vm_name: string;
  command: CommandLine;
  shell: string;
  env?: Record<string, string> | [string, string][] | null;
  workdir?: string | null;
}

export interface Me {
  name: string;
  role: 'viewer' | 'operator' | 'admin';
  via: 'cookie' | 'token';
  expires_at: string | null;
}
