/**
 * The shapes of the API under the names that the dashboard uses. They are generated from the host's OpenAPI document
 * (`npm run types`); here are only other names for some, and types that follow from them.
 */
import type * as api from './generated';
import type { Facts, JobMore, Receipt, TaskMore, VmMore, VmOptions } from './coming';

export type * from './coming';
export type {
  Auth,
  AuthKind,
  ClientMessage,
  Command as CommandLine,
  Counts,
  Discovery as DiscoveryResult,
  FoundVm as Discovered,
  HostKey,
  ImportResult as Imported,
  JobChanges,
  JobStatus,
  LogPage,
  Me,
  Mode,
  Plugin,
  PluginKind,
  PluginState,
  Problem as ProblemDocument,
  TaskStatus,
  Template,
  TemplateProblems,
  Transport as TransportKind,
  VmStatus
} from './generated';

export type Task = api.Task & TaskMore;
export type Job = Omit<api.Job, 'tasks'> & JobMore & { tasks?: Task[] | null };
export type TaskChanges = api.TaskChanges & { contact_lost_at?: string | null; receipt?: Receipt | null };
export type Vm = api.Vm & VmMore;
export type ProbeStep = api.ProbeStep & { vm?: string };
export type Probe = Omit<api.ProbeResult, 'steps'> & { steps: ProbeStep[] };
export type StateSnapshot = Omit<api.StateSnapshot, 'jobs' | 'tasks' | 'vms'> & { jobs: Job[]; tasks: Task[]; vms: Vm[] };

/** What a form gives for a VM: everything that a person can edit. */
export type VmInput = Required<Omit<api.VmBody, 'source' | 'host_keys' | 'options'>> & { options?: VmOptions };

export interface ListPage<T> {
  items: T[];
  next_cursor: string | null;
}

type Changed = 'vm-added' | 'vm-updated' | 'job-created' | 'task-updated';
export type EventBody =
  | Exclude<api.EventBody, { type: Changed }>
  | { type: 'vm-added'; vm: Vm }
  | { type: 'vm-updated'; vm: Vm }
  | { type: 'vm-facts-changed'; id: string; facts: Facts }
  | { type: 'job-created'; job: Job }
  | { type: 'job-reopened'; job: Job }
  | { type: 'task-updated'; job_id: string; vm_id: string; changes: TaskChanges };
export type Event = EventBody & { actor: string; at: string; epoch: string; seq: number };
export type ServerMessage =
  | Exclude<api.ServerMessage, { t: 'snapshot' } | { t: 'events' }>
  | (Omit<Extract<api.ServerMessage, { t: 'snapshot' }>, 'state'> & { state: StateSnapshot })
  | (Omit<Extract<api.ServerMessage, { t: 'events' }>, 'events'> & { events: Event[] });

export type EventType = EventBody['type'];
type BodyOf<B extends EventBody, T extends EventType> = B extends EventBody ? (T extends B['type'] ? B : never) : never;
export type EventOf<T extends EventType> = Omit<Event, keyof EventBody> & BodyOf<EventBody, T>;
