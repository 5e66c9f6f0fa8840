import { ApiError, type SearchMessage } from '$lib/core/clients';
import { messageOf } from '$lib/core/state';
import type { SearchService } from '$lib/modules/log';
import { addHit, queryOf, type JobHits, type SearchFilter } from '../types';

/** Hits after which a search ends, at first, each time that more is wanted, and in all. */
export const HITS_FIRST = 500;
const HITS_TIMES = 4;
export const HITS_MAX = 8_000;

export interface LogSearchDeps {
  search: SearchService;
  now: () => number;
  nextFrame: (run: () => void) => void;
}

export interface Progress {
  tasks: number;
  lines: number;
  bytes: number;
  hits: number;
}

const NOTHING: Progress = { tasks: 0, lines: 0, bytes: 0, hits: 0 };

/** The search over all stored output. It stays when one looks at a hit and comes back. */
export class LogSearch {
  state = $state<'idle' | 'searching' | 'done' | 'cancelled' | 'failed'>('idle');
  jobs = $state.raw<readonly JobHits[]>([]);
  progress = $state.raw<Progress>(NOTHING);
  /** What went wrong, and with which field if one is to blame. */
  error = $state('');
  field = $state('');
  /** It ended at its limit; there is more. */
  limited = $state(false);
  limit = $state(HITS_FIRST);
  /** Lines that are damaged on disk, and tasks whose output is not kept any more: neither were searched. */
  damaged = $state(0);
  removed = $state(0);
  tookMs = $state(0);
  /** What was searched for, as it stands in the address. */
  asked = '';

  private found: JobHits[] = [];
  private dirty = false;
  private stop: AbortController | null = null;

  constructor(private readonly deps: LogSearchDeps) {}

  get canShowMore(): boolean {
    return this.limited && this.limit < HITS_MAX;
  }

  async run(filter: SearchFilter, asked: string, limit = HITS_FIRST): Promise<void> {
    this.clear();
    this.asked = asked;
    this.limit = limit;
    this.state = 'searching';
    const stop = (this.stop = new AbortController());
    const begun = this.deps.now();
    let ended = false;
    try {
      for await (const messages of this.deps.search.search(queryOf(filter, begun, limit), stop.signal)) {
        if (this.stop !== stop) return;
        for (const message of messages) ended = this.take(message) || ended;
        this.show();
      }
      if (!ended) this.error = 'The search broke off: the host ended it or went away.';
    } catch (cause) {
      if (stop.signal.aborted) return;
      this.fail(cause);
    }
    if (this.stop !== stop) return;
    this.tookMs = this.deps.now() - begun;
    this.publish();
    this.state = this.error === '' ? 'done' : 'failed';
  }

  /** The same again with room for more. */
  more(filter: SearchFilter): Promise<void> {
    return this.run(filter, this.asked, Math.min(HITS_MAX, this.limit * HITS_TIMES));
  }

  cancel(): void {
    this.stop?.abort();
    this.stop = null;
    if (this.state === 'searching') {
      this.publish();
      this.state = 'cancelled';
    }
  }

  clear(): void {
    this.cancel();
    this.found = [];
    this.jobs = [];
    this.progress = NOTHING;
    this.error = this.field = this.asked = '';
    this.limited = false;
    this.damaged = this.removed = this.tookMs = 0;
    this.state = 'idle';
  }

  /** Whether that was the end. */
  private take(message: SearchMessage): boolean {
    if (message.type === 'hit') {
      addHit(this.found, message);
      this.progress = { ...this.progress, hits: this.progress.hits + 1 };
    } else if (message.type === 'damaged') this.damaged += message.count;
    else {
      const { lines, bytes, hits } = message;
      this.progress = { lines, bytes, hits, tasks: message.type === 'progress' ? message.tasks : this.progress.tasks };
      if (message.type === 'progress') return false;
      this.limited = message.limited;
      this.error = message.error ?? '';
      this.removed = message.removed;
      return true;
    }
    return false;
  }

  private fail(cause: unknown): void {
    this.error = messageOf(cause);
    if (!(cause instanceof ApiError)) return;
    const [field, message] = Object.entries(cause.fields)[0] ?? [];
    this.field = field ?? '';
    if (message) this.error = message;
  }

  /** One change for the page, however many hits came. */
  private show(): void {
    if (this.dirty) return;
    this.dirty = true;
    this.deps.nextFrame(() => {
      this.dirty = false;
      this.publish();
    });
  }

  private publish(): void {
    const last = this.found.at(-1);
    const lastTask = last?.tasks.at(-1);
    // Only what grows is made anew: the rest of the page stands still.
    if (last && lastTask) {
      last.tasks[last.tasks.length - 1] = { ...lastTask, hits: [...lastTask.hits] };
      this.found[this.found.length - 1] = { ...last, tasks: [...last.tasks] };
    }
    this.jobs = [...this.found];
  }
}

export function createLogSearch(deps: LogSearchDeps): LogSearch {
  return new LogSearch(deps);
}
