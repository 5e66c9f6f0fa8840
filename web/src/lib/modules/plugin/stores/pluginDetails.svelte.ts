import type { PluginService } from '../services/PluginService';
import type { PluginLogLine, PluginStats, PluginStep } from '../types';

/** How often the figures of a plugin that somebody looks at are asked for, in milliseconds. */
export const REFRESH_MS = 2000;

export interface PluginDetailsDeps {
  service: Pick<PluginService, 'stats' | 'log' | 'history' | 'readme'>;
  /** Whether the person may read what plugins say. */
  mayReadLog: () => boolean;
  /** Runs something later and gives what takes that back. */
  later: (run: () => void, ms: number) => () => void;
}

/** What is asked of one plugin while somebody looks at it. None of it is part of the state that everybody is told. */
export class PluginDetails {
  stats = $state.raw<PluginStats | null>(null);
  log = $state.raw<readonly PluginLogLine[] | null>(null);
  history = $state.raw<readonly PluginStep[] | null>(null);
  /** Null: it has none; undefined: not asked yet. */
  readme = $state.raw<string | null | undefined>(undefined);
  /** Why the newest answer is missing; what is shown is older. */
  error = $state.raw<unknown>(null);
  private readonly request = new AbortController();
  private waiting: (() => void) | null = null;

  constructor(
    private readonly id: string,
    private readonly deps: PluginDetailsDeps
  ) {
    void this.readReadme();
    void this.read();
  }

  close(): void {
    this.request.abort();
    this.waiting?.();
  }

  private async read(): Promise<void> {
    const { service } = this.deps;
    const { signal } = this.request;
    try {
      const [stats, history, log] = await Promise.all([
        service.stats(this.id, signal),
        service.history(this.id, signal),
        this.deps.mayReadLog() ? service.log(this.id, signal) : null
      ]);
      if (signal.aborted) return;
      this.stats = stats;
      // The same steps again are no reason to draw them again.
      if (history.items.length !== this.history?.length || history.items.at(-1)?.at !== this.history.at(-1)?.at) this.history = history.items;
      if (log && (log.items.length !== this.log?.length || log.items.at(-1)?.at !== this.log.at(-1)?.at)) this.log = log.items;
      this.error = null;
    } catch (cause) {
      if (signal.aborted) return;
      this.error = cause;
    }
    this.waiting = this.deps.later(() => void this.read(), REFRESH_MS);
  }

  private async readReadme(): Promise<void> {
    try {
      this.readme = (await this.deps.service.readme(this.id, this.request.signal)).text ?? null;
    } catch {
      // Without it nothing is missing that one needs; what else goes wrong is told by the figures.
      this.readme = null;
    }
  }
}

export function createPluginDetails(id: string, deps: PluginDetailsDeps): PluginDetails {
  return new PluginDetails(id, deps);
}
