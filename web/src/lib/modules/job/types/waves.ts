import type { Job, Share, Task } from '$lib/core/clients';
import { isFinal, type Tone } from './status';

/** One step of a job: canary, a batch, the rest. */
export interface Wave {
  name: string;
  total: number;
  done: number;
  trouble: number;
  state: 'waiting' | 'running' | 'done' | 'stopped';
}

export const WAVE_TONE: Record<Wave['state'], Tone> = { waiting: 'neutral', running: 'accent', done: 'ok', stopped: 'warn' };
export const WAVE_LABEL: Record<Wave['state'], string> = { waiting: 'waits', running: 'at work', done: 'done', stopped: 'not begun' };

/** How many of `total` a share comes to: rounded up, and at least one, as the host counts. */
export function shareOf(share: Share, total: number): number {
  const percent = typeof share === 'string' && share.endsWith('%');
  const count = Number.parseInt(String(share), 10) || 0;
  return Math.max(1, percent ? Math.ceil((total * count) / 100) : count);
}

/** The waves that a job's tasks belong to, in order; empty where all go at once. */
export function wavesOf(job: Pick<Job, 'canary' | 'batch' | 'targets'>, tasks: readonly Task[]): Wave[] {
  const total = job.targets.length;
  if (!job.canary && !job.batch) return [];
  const sorted = [...tasks].sort((a, b) => a.position - b.position);
  const canaries = job.canary ? Math.min(total, shareOf(job.canary, total)) : 0;
  const size = job.batch ? shareOf(job.batch.size, total) : Math.max(1, total);
  const waves: Wave[] = canaries > 0 ? [waveOf('Canary', sorted.slice(0, canaries), canaries)] : [];
  const batches = Math.ceil((total - canaries) / size);
  for (let i = 0; i < batches; i++) {
    const from = canaries + i * size;
    const to = Math.min(total, from + size);
    waves.push(waveOf(job.batch ? `Batch ${i + 1} of ${batches}` : 'The rest', sorted.slice(from, to), to - from));
  }
  return waves;
}

function waveOf(name: string, tasks: readonly Task[], total: number): Wave {
  const ended = tasks.filter((task) => isFinal(task.status));
  const begun = tasks.filter((task) => task.status !== 'queued' && !(task.status === 'cancelled' && task.started_at === null));
  const trouble = ended.filter((task) => task.status !== 'succeeded' && task.status !== 'cancelled').length;
  const over = tasks.length > 0 && ended.length === tasks.length;
  const state = over ? (begun.length === 0 ? 'stopped' : 'done') : begun.length > 0 ? 'running' : 'waiting';
  return { name, total, done: ended.length, trouble, state };
}
