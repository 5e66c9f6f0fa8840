import type { FoundLine, SearchHit } from '$lib/core/clients';
import type { ByteRange } from '$lib/shared/utils';

/** What was found in the output of one machine in one job. */
export interface TaskHits {
  vm: string;
  name: string;
  hits: SearchHit[];
}

/** What was found in one job. */
export interface JobHits {
  job: string;
  createdAt: string;
  tasks: TaskHits[];
}

/** A line of a result: one that was found, or one around it. */
export interface HitRow {
  line: FoundLine;
  /** Where in it something was found; not there for a line around. */
  ranges?: readonly ByteRange[];
  /** Lines are left out before it. */
  gap: boolean;
}

/** Adds a hit to those before. Hits come job by job, and within one machine by machine. */
export function addHit(jobs: JobHits[], hit: SearchHit): void {
  let job = jobs.at(-1);
  if (job?.job !== hit.job_id) jobs.push((job = { job: hit.job_id, createdAt: hit.job_created_at, tasks: [] }));
  let task = job.tasks.at(-1);
  if (task?.vm !== hit.vm_id) job.tasks.push((task = { vm: hit.vm_id, name: hit.vm_name, hits: [] }));
  task.hits.push(hit);
}

/** Lines of some hits with those around them, each once, in their order. */
export function rowsOf(hits: readonly SearchHit[]): HitRow[] {
  const lines = new Map<number, { line: FoundLine; ranges?: readonly ByteRange[] }>();
  for (const hit of hits) {
    for (const line of [...hit.before, ...hit.after]) if (!lines.has(line.n)) lines.set(line.n, { line });
    lines.set(hit.line.n, { line: hit.line, ranges: hit.ranges.map(([from, to]): ByteRange => [from ?? 0, to ?? 0]) });
  }
  const rows = [...lines.values()].sort((a, b) => a.line.n - b.line.n);
  return rows.map((row, i) => ({ ...row, gap: i > 0 && row.line.n !== rows[i - 1]!.line.n + 1 }));
}

/** What is wrong with an expression, and at which character, from 1, if that is known. */
export function placeOf(problem: string): { what: string; at: number | null } {
  const [, what, at] = /^(?:q: )?(?:is no regular expression: )?(.*?)(?: at character (\d+))?$/s.exec(problem) ?? [];
  return { what: what ?? problem, at: at === undefined ? null : Number(at) };
}
