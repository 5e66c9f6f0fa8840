import type { Facts } from '$lib/core/clients';

/** Above these parts a disk wants to be looked at. */
const FULL = 0.9;
const FILLING = 0.75;

export interface DiskUse {
  /** Bytes that cannot be used any more. */
  used: number;
  /** What part of the whole that is. */
  part: number;
  tone: 'ok' | 'warn' | 'bad';
}

/** How full the disk at `/` was when the machine told; null if it did not tell. */
export function diskOf(facts: Facts | null | undefined): DiskUse | null {
  if (!facts?.disk_bytes || facts.disk_free_bytes === null) return null;
  const used = Math.max(0, facts.disk_bytes - facts.disk_free_bytes);
  const part = used / facts.disk_bytes;
  return { used, part, tone: part >= FULL ? 'bad' : part >= FILLING ? 'warn' : 'ok' };
}

/** The load of one minute beside what the processors can carry; null if the machine did not tell. */
export function loadOf(facts: Facts | null | undefined): { value: number; high: boolean; note: string } | null {
  if (!facts || facts.load_1 === null) return null;
  const each = facts.cpus ? facts.load_1 / facts.cpus : null;
  const note = each === null ? '' : each >= 1 ? 'more than its processors can carry' : `${Math.round(each * 100)} % of its processors`;
  return { value: facts.load_1, high: each !== null && each >= 1, note };
}
