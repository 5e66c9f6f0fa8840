import { describe, expect, it, vi } from 'vitest';
import { createPluginDetails, REFRESH_MS } from './pluginDetails.svelte';

const STATS = { calls: 3, failed: 0, p50_micros: 10, p99_micros: 20, cpu_micros: 40, peak_memory_bytes: 1, traps: 0, limit_hits: {}, lines: { seen: 0, changed: 0, annotated: 0, dropped: 0, added: 0 } };

function make(more: Record<string, unknown> = {}, mayReadLog = true) {
  let waiting: { run: () => void; ms: number } | null = null;
  const service = {
    stats: vi.fn(async () => STATS),
    log: vi.fn(async () => ({ items: [{ at: '2026-01-01T00:00:00Z', level: 'info', text: 'hello' }] })),
    history: vi.fn(async () => ({ items: [] })),
    readme: vi.fn(async () => ({ text: '# Hello' })),
    ...more
  };
  const details = createPluginDetails('redact', {
    service,
    mayReadLog: () => mayReadLog,
    later: (run, ms) => {
      waiting = { run, ms };
      return () => (waiting = null);
    }
  });
  return { details, service, waiting: () => waiting };
}

describe('pluginDetails', () => {
  it('asks again and again while somebody looks, and no more afterwards', async () => {
    const { details, service, waiting } = make();
    await vi.waitFor(() => expect(waiting()).not.toBeNull());
    expect(details.stats?.calls).toBe(3);
    expect(details.log?.[0]?.text).toBe('hello');
    expect(details.readme).toBe('# Hello');
    expect(waiting()?.ms).toBe(REFRESH_MS);
    waiting()?.run();
    await vi.waitFor(() => expect(service.stats).toHaveBeenCalledTimes(2));
    expect(service.readme).toHaveBeenCalledOnce();
    await vi.waitFor(() => expect(waiting()).not.toBeNull());
    details.close();
    expect(waiting()).toBeNull();
  });

  it('keeps what it knows when the host does not answer, and goes on asking', async () => {
    const stats = vi.fn<() => Promise<typeof STATS>>(async () => STATS);
    const { details, waiting } = make({ stats });
    await vi.waitFor(() => expect(details.stats).not.toBeNull());
    const failure = new Error('gone');
    stats.mockRejectedValueOnce(failure);
    const first = waiting();
    first?.run();
    await vi.waitFor(() => expect(details.error).toBe(failure));
    expect(details.stats?.calls).toBe(3);
    await vi.waitFor(() => expect(waiting()).not.toBe(first));
    waiting()?.run();
    await vi.waitFor(() => expect(details.error).toBeNull());
  });

  it('does not ask for what the person may not read', async () => {
    const { details, service, waiting } = make({}, false);
    await vi.waitFor(() => expect(waiting()).not.toBeNull());
    expect(service.log).not.toHaveBeenCalled();
    expect(details.log).toBeNull();
  });

  it('says that there is no README when there is none to be had', async () => {
    const { details } = make({ readme: vi.fn(() => Promise.reject(new Error('404'))) });
    await vi.waitFor(() => expect(details.readme).toBeNull());
  });
});
