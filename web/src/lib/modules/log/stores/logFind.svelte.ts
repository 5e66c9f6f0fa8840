import type { SearchHit } from '$lib/core/clients';
import { messageOf } from '$lib/core/state';
import type { ByteRange } from '$lib/shared/utils';
import type { SearchQuery, SearchService } from '../services/SearchService';
import type { Marks } from '../types';

/** Hits that are kept; beyond, the count says so. */
export const FIND_HITS_MAX = 20_000;

/** Which lines come into question, beside those that hold the text. */
export type FindAmong = '' | 'stderr' | 'warning' | 'error';

export interface LogFindDeps {
  search: SearchService;
}

/** Finds text in the log of one task: where it is, how often, and the way from one place to the next. */
export class LogFind implements Marks {
  text = $state('');
  regex = $state(false);
  ignoreCase = $state(true);
  among = $state<FindAmong>('');
  version = $state(0);
  state = $state<'idle' | 'searching' | 'done' | 'failed'>('idle');
  error = $state('');
  /** Line that is looked at, from 0. */
  current = $state<number | null>(null);
  count = $state(0);
  /** Lines searched so far. */
  searched = $state(0);
  /** There are more than are kept. */
  limited = $state(false);
  /** Lines that could not be searched. */
  damaged = $state(0);

  /** Lines that were found, in their order, and where in them. */
  private hits: number[] = [];
  private ranges = new Map<number, readonly ByteRange[]>();
  private asked = '';
  private stop: AbortController | null = null;

  constructor(
    private readonly job: string,
    private readonly vm: string,
    private readonly deps: LogFindDeps
  ) {}

  /** Whether what stands in the field is what was searched for. */
  get fresh(): boolean {
    return this.asked === this.key;
  }

  /** Place of the current hit among all, from 1; 0 if none is looked at. */
  get position(): number {
    return this.current === null ? 0 : this.placeOf(this.current) + 1;
  }

  of(line: number): readonly ByteRange[] | undefined {
    return this.ranges.get(line);
  }

  /** Whether there is anything to look for. */
  get asking(): boolean {
    return this.text !== '' || this.among !== '';
  }

  /** Searches anew. The first hit from `from` on, or the first of all, becomes the current one. */
  async start(from: number): Promise<void> {
    this.clear();
    if (!this.asking) return;
    const stop = (this.stop = new AbortController());
    this.asked = this.key;
    this.state = 'searching';
    let ended = false;
    try {
      for await (const messages of this.deps.search.search(this.query(), stop.signal)) {
        if (stop.signal.aborted) return;
        for (const message of messages) {
          if (message.type === 'hit') this.take(message);
          else if (message.type === 'damaged') this.damaged += message.count;
          else {
            this.searched = message.lines;
            if (message.type !== 'end') continue;
            ended = true;
            this.limited = message.limited;
            this.error = message.error ?? '';
          }
        }
        if (this.current === null) this.current = this.hits.find((line) => line >= from) ?? null;
        this.count = this.hits.length;
        this.version++;
      }
      if (!ended) this.error = 'The search broke off.';
    } catch (cause) {
      if (stop.signal.aborted) return;
      this.error = messageOf(cause).replace(/^q: /, '');
    }
    if (this.stop !== stop) return;
    if (this.current === null) this.current = this.hits[0] ?? null;
    this.state = this.error === '' ? 'done' : 'failed';
  }

  /** To the hit after the current one or before it, around the ends. */
  step(by: 1 | -1): void {
    if (this.hits.length === 0) return;
    const at = this.current === null ? (by === 1 ? -1 : 0) : this.placeOf(this.current);
    this.current = this.hits[(at + by + this.hits.length) % this.hits.length]!;
  }

  /** Ends a search that goes on; what it found stays. */
  cancel(): void {
    this.stop?.abort();
    this.stop = null;
    if (this.state === 'searching') this.state = 'done';
  }

  clear(): void {
    this.cancel();
    this.hits = [];
    this.ranges = new Map();
    this.asked = '';
    this.state = 'idle';
    this.error = '';
    this.current = null;
    this.count = this.searched = this.damaged = 0;
    this.limited = false;
    this.version++;
  }

  private get key(): string {
    return JSON.stringify([this.text, this.regex, this.ignoreCase, this.among]);
  }

  private query(): SearchQuery {
    const narrowed: Partial<SearchQuery> = this.among === 'stderr' ? { stream: 'stderr' } : this.among ? { annotations: `level>=${this.among}` } : {};
    return { q: this.text, regex: this.regex, ignoreCase: this.ignoreCase, job: this.job, vm: this.vm, limit: FIND_HITS_MAX, ...narrowed };
  }

  private take(hit: SearchHit): void {
    this.hits.push(hit.line.n);
    this.ranges.set(hit.line.n, hit.ranges.map(([from, to]): ByteRange => [from ?? 0, to ?? 0]));
  }

  /** By halves: hits are in order. */
  private placeOf(line: number): number {
    let [low, high] = [0, this.hits.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.hits[middle]! < line) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
