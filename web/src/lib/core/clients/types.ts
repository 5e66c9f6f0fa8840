/**
 * The shapes of the API under the names that the dashboard uses. They are generated from the host's OpenAPI document
 * (`npm run types`); here are only other names for some, and types that follow from them.
 */
import type { Event, EventBody, VmBody } from './generated';

export type {
  Auth,
  AuthKind,
  ClientMessage,
  Command as CommandLine,
  Counts,
  Discovery as DiscoveryResult,
  Event,
  FoundVm as Discovered,
  HostKey,
  ImportResult as Imported,
  Job,
  JobChanges,
  JobStatus,
  LogPage,
  Me,
  Plugin,
  PluginKind,
  PluginState,
  ProbeResult as Probe,
  ProbeStep,
  Problem as ProblemDocument,
  Rendered as RenderedFor,
  ServerMessage,
  StateSnapshot,
  Task,
  TaskChanges,
  TaskStatus,
  Template,
  TemplateProblems,
  Transport as TransportKind,
  Vm,
  VmStatus
} from './generated';

/** What a form gives for a VM: everything that a person can edit. */
export type VmInput = Required<Omit<VmBody, 'source' | 'host_keys'>>;

export interface ListPage<T> {
  items: T[];
  next_cursor: string | null;
}

export type EventType = EventBody['type'];
type BodyOf<B extends EventBody, T extends EventType> = B extends EventBody ? (T extends B['type'] ? B : never) : never;
export type EventOf<T extends EventType> = Omit<Event, keyof EventBody> & BodyOf<EventBody, T>;
