import type { JobService } from '../services/JobService';
import type { Groups, OutputStream } from '../types';

/** Shortest time between two readings; the host reads all output of the job for one. */
export const REFRESH_MS = 1500;

export interface OutputGroupsDeps {
  service: Pick<JobService, 'groups'>;
  /** Runs something later and gives what takes that back. */
  later: (run: () => void, ms: number) => () => void;
}

/** A job's output by what was written, read again as its tasks end, never twice at once. */
export class OutputGroups {
  stream = $state<OutputStream>('both');
  value = $state.raw<Groups | null>(null);
  error = $state.raw<unknown>(null);
  loading = $state(false);
  private request: AbortController | null = null;
  private waiting: (() => void) | null = null;
  private stale = false;
  private closed = false;

  constructor(
    private readonly job: string,
    private readonly deps: OutputGroupsDeps
  ) {}

  /** Compares another of the outputs. */
  show(stream: OutputStream): void {
    if (stream === this.stream) return;
    this.stream = stream;
    this.value = null;
    this.request?.abort();
    this.request = null;
    this.waiting?.();
    this.waiting = null;
    void this.read();
  }

  /** Something has changed on the host: reads again, at once or as soon as the last reading is long enough ago. */
  refresh(): void {
    if (this.request || this.waiting) this.stale = true;
    else void this.read();
  }

  close(): void {
    this.closed = true;
    this.request?.abort();
    this.waiting?.();
  }

  private async read(): Promise<void> {
    if (this.closed) return;
    const request = (this.request = new AbortController());
    this.stale = false;
    this.loading = true;
    try {
      const value = await this.deps.service.groups(this.job, this.stream, request.signal);
      if (this.request !== request) return;
      this.value = value;
      this.error = null;
    } catch (cause) {
      if (this.request === request && !request.signal.aborted) this.error = cause;
    } finally {
      if (this.request === request) this.rest();
    }
  }

  private rest(): void {
    this.request = null;
    this.loading = false;
    if (this.closed) return;
    this.waiting = this.deps.later(() => {
      this.waiting = null;
      if (this.stale) void this.read();
    }, REFRESH_MS);
  }
}

export function createOutputGroups(job: string, deps: OutputGroupsDeps): OutputGroups {
  return new OutputGroups(job, deps);
}
