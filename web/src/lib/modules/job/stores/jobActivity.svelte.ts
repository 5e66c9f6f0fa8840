import type { EventDispatcher } from '$lib/core/events';
import type { JobService } from '../services/JobService';
import type { Activity } from '../types';

/** Shortest time between two readings, in milliseconds: a fleet may start many jobs a second. */
export const REFRESH_MS = 3000;
/** After this long it is read again though nothing happened: time goes on. In milliseconds. */
export const AGE_MAX_MS = 60_000;
/** How far back it goes, and how long a step is, in milliseconds. */
export const SPAN_MS = 24 * 3_600_000;
export const STEP_MS = 15 * 60_000;

export interface JobActivityDeps {
  dispatcher: EventDispatcher;
  service: Pick<JobService, 'activity'>;
  /** The time, in milliseconds. */
  now: () => number;
  /** Runs something later and gives what takes that back. */
  later: (run: () => void, ms: number) => () => void;
}

/**
 * How many jobs were created when in the last day, and how they fare: counted by the host, because the page holds only the
 * newest jobs. Read again as jobs come and end, but only while somebody looks.
 */
export class JobActivityStore {
  value = $state.raw<Activity | null>(null);
  error = $state.raw<unknown>(null);
  /** All steps together. */
  total = $derived.by(() => {
    const total = { succeeded: 0, failed: 0, cancelled: 0, unknown: 0, live: 0, jobs: 0 };
    for (const step of this.value?.items ?? []) {
      total.succeeded += step.succeeded;
      total.failed += step.failed;
      total.cancelled += step.cancelled;
      total.unknown += step.unknown;
      total.live += step.queued + step.running;
    }
    total.jobs = total.succeeded + total.failed + total.cancelled + total.unknown + total.live;
    return total;
  });
  private watchers = 0;
  private request: AbortController | null = null;
  /** What happened while it rests is read when the rest is over; after that, at once. */
  private resting = false;
  private stale = true;
  private cancelTimer: () => void = () => undefined;

  constructor(private readonly deps: JobActivityDeps) {
    const { dispatcher } = deps;
    dispatcher.onSnapshot(() => this.changed());
    dispatcher.on('job-created', () => this.changed());
    dispatcher.on('job-reopened', () => this.changed());
    dispatcher.on('job-updated', ({ changes }) => {
      if (changes.status) this.changed();
    });
  }

  /** Somebody looks. Returns what says that they look no more. */
  watch(): () => void {
    this.watchers++;
    this.readIfDue();
    return () => {
      if (--this.watchers > 0) return;
      this.request?.abort();
      this.cancelTimer();
      this.resting = false;
      this.stale = true;
    };
  }

  private changed(): void {
    this.stale = true;
    this.readIfDue();
  }

  private readIfDue(): void {
    if (this.watchers > 0 && this.stale && !this.request && !this.resting) void this.read();
  }

  private async read(): Promise<void> {
    this.cancelTimer();
    const request = (this.request = new AbortController());
    this.stale = false;
    // Steps begin at whole quarters of an hour, so that a job stays in its step from one reading to the next.
    const since = Math.floor((this.deps.now() - SPAN_MS) / STEP_MS) * STEP_MS;
    try {
      this.value = await this.deps.service.activity(new Date(since).toISOString(), STEP_MS / 1000, request.signal);
      this.error = null;
    } catch (cause) {
      if (!request.signal.aborted) this.error = cause;
    }
    this.request = null;
    if (request.signal.aborted) this.readIfDue();
    else if (this.watchers > 0) this.rest();
  }

  private rest(): void {
    this.resting = true;
    this.cancelTimer = this.deps.later(() => {
      this.resting = false;
      this.cancelTimer = this.deps.later(() => this.changed(), AGE_MAX_MS);
      this.readIfDue();
    }, REFRESH_MS);
  }
}

export function createJobActivity(deps: JobActivityDeps): JobActivityStore {
  return new JobActivityStore(deps);
}
