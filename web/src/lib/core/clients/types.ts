/**
 * The shapes of the API under the names that the dashboard uses. They are generated from the host's OpenAPI document
 * (`npm run types`); here are only other names for some, and types that follow from them.
 */
import type { Event, EventBody, VmBody } from './generated';

export type {
  Activity,
  ActivityStep,
  Auth,
  AuthKind,
  Batch,
  ClientMessage,
  Command as CommandLine,
  Counts,
  Discovery as DiscoveryResult,
  Event,
  EventBody,
  Facts,
  Filters,
  FoundLine,
  FoundVm as Discovered,
  Group,
  Groups,
  GroupVm,
  HostKey,
  ImportResult as Imported,
  Job,
  JobChanges,
  JobStatus,
  LogPage,
  Me,
  Mode,
  PageJob as JobPage,
  PageSecret as SecretPage,
  Plugin,
  PluginGrant,
  PluginHistory,
  PluginKind,
  PluginLog,
  PluginLogLine,
  PluginReadme,
  PluginState,
  PluginStats,
  PluginStep,
  Preview,
  PreviewItem,
  ProbeResult as Probe,
  ProbeStep,
  Problem as ProblemDocument,
  Receipt,
  RevokedHostKey,
  RunAs,
  SearchHit,
  SearchMessage,
  Secret,
  ServerMessage,
  Share,
  StateSnapshot,
  Task,
  TaskChanges,
  TaskStatus,
  Template,
  TemplateProblems,
  Transport as TransportKind,
  Vm,
  VmOptions,
  VmStatus,
  Want,
  Which
} from './generated';

/** What a form gives for a VM: everything that a person can edit. */
export type VmInput = Required<Omit<VmBody, 'source' | 'host_keys' | 'options'>> & Pick<VmBody, 'options'>;

export type EventType = EventBody['type'];
export type EventOf<T extends EventType> = Extract<Event, { type: T }>;
