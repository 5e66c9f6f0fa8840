const FIRST_MS = 400;
const MOST_MS = 15_000;

/** Waiting time before attempt `n` (from 0): doubling, capped, and spread so that many pages do not come back at once. */
export function backoffDelay(attempt: number, random: () => number): number {
  const ceiling = Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return Math.round(ceiling / 2 + (ceiling / 2) * random());
}
