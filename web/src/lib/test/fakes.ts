import type { SocketDeps, SocketLike, SocketStatus } from '$lib/core/clients';
import { encodeFrame, WebSocketClient, type LogLine } from '$lib/core/clients';
import type { Counts, Job, Task, Template, Vm } from '$lib/core/clients';

/** A socket that a test opens, feeds and closes by hand. */
export class FakeSocket implements SocketLike {
  binaryType = '';
  readyState = 0;
  sent: Record<string, unknown>[] = [];
  onopen: ((event: never) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;

  send(data: string): void {
    this.sent.push(JSON.parse(data) as Record<string, unknown>);
  }

  close(): void {
    this.readyState = 3;
  }

  opens(): void {
    this.readyState = 1;
    this.onopen?.({} as never);
  }

  says(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  sends(channel: number, lines: LogLine[]): void {
    this.onmessage?.({ data: encodeFrame(channel, lines) });
  }

  breaks(code = 1006): void {
    this.readyState = 3;
    this.onclose?.({ code, reason: '' });
  }

  of(t: string): Record<string, unknown>[] {
    return this.sent.filter((message) => message.t === t);
  }
}

/** A client over fake sockets and a clock that stands still until it is moved. */
export function fakeNetwork() {
  const sockets: FakeSocket[] = [];
  const statuses: SocketStatus[] = [];
  const timers = new Map<number, { at: number; run: () => void }>();
  let now = 0;
  let nextTimer = 1;
  const deps: SocketDeps = {
    connect: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    },
    random: () => 1,
    now: () => now,
    setTimeout: (run, ms) => {
      timers.set(nextTimer, { at: now + ms, run });
      return nextTimer++;
    },
    clearTimeout: (id) => void timers.delete(id),
    onStatus: (status) => void (statuses.at(-1) !== status && statuses.push(status))
  };
  const advance = (ms: number) => {
    const end = now + ms;
    for (;;) {
      const due = [...timers].filter(([, timer]) => timer.at <= end).sort((a, b) => a[1].at - b[1].at)[0];
      if (!due) break;
      timers.delete(due[0]);
      now = due[1].at;
      due[1].run();
    }
    now = end;
  };
  return { client: new WebSocketClient(deps), sockets, statuses, advance, last: () => sockets.at(-1)! };
}

export const NO_COUNTS: Counts = {
  queued: 0,
  running: 0,
  succeeded: 0,
  failed: 0,
  cancelled: 0,
  timed_out: 0,
  unreachable: 0,
  unknown: 0
};

export function makeVm(id: string, more: Partial<Vm> = {}): Vm {
  return {
    id,
    name: id,
    address: '10.0.0.1',
    port: 22,
    user: 'root',
    transport: 'ssh',
    labels: {},
    status: 'online',
    latency_ms: 3,
    message: '',
    checked_at: null,
    offered_host_key: null,
    auth: { kind: 'agent' },
    jump: [],
    source: null,
    host_keys: [],
    revoked_host_keys: [],
    accept_new_host_key: false,
    options: {},
    facts: null,
    version: 1,
    created_at: '2026-01-01T00:00:00.000Z',
    updated_at: '2026-01-01T00:00:00.000Z',
    ...more
  };
}

export function makeJob(id: string, more: Partial<Job> = {}): Job {
  return {
    id,
    status: 'running',
    mode: 'durable',
    command: { script: 'uptime' },
    template: null,
    targets: ['vm-1'],
    counts: { ...NO_COUNTS, running: 1 },
    parallelism: 64,
    timeout_seconds: null,
    command_hash: '',
    created_by: 'user:admin',
    plugins: {},
    created_at: '2026-01-01T00:00:00.000Z',
    started_at: null,
    finished_at: null,
    cancel_requested_at: null,
    ...more
  };
}

export function makeTask(job: string, vm: string, more: Partial<Task> = {}): Task {
  return {
    job_id: job,
    vm_id: vm,
    vm_name: vm,
    position: 0,
    status: 'running',
    exit_code: null,
    signal: null,
    lines: 0,
    bytes: 0,
    started_at: null,
    finished_at: null,
    message: '',
    contact_lost_at: null,
    cancel_requested_at: null,
    receipt: null,
    ...more
  };
}

export function makeTemplate(id: string, more: Partial<Template> = {}): Template {
  return {
    id,
    origin: 'plugin',
    plugin: id.split('/')[0],
    title: id,
    description: '',
    category: 'Test',
    parameters: { type: 'object', properties: {} },
    mode: 'direct',
    dangerous: false,
    timeout_seconds: null,
    applies_to: '',
    ...more
  };
}

export function makeSnapshot(more: Record<string, unknown> = {}) {
  return {
    epoch: 'e1',
    seq: 10,
    vms: [],
    jobs: [],
    tasks: [],
    templates: [],
    template_problems: [],
    plugins: [],
    settings: {},
    sources: [],
    ...more
  } as never;
}
