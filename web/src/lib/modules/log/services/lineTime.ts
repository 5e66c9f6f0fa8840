import type { LineTime } from '$lib/core/state';
import { formatLineTime } from '$lib/shared/utils';
import type { ShownLine } from '../types';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** What stands beside a line. Empty where it cannot be said: a wrong time is worse than none. */
export function lineTime(mode: LineTime, line: ShownLine, before: ShownLine | undefined, start: number | null): string {
  if (mode === 'off' || line.damaged) return '';
  if (mode === 'absolute') return formatLineTime(line.at);
  if (mode === 'relative') return start === null ? '' : formatOffset(line.at - start);
  return before && !before.damaged ? formatOffset(line.at - before.at) : '';
}

/** `+0.021`, `+1:02.345`, `+1:02:03.456`; with a minus if a clock was set back. */
export function formatOffset(ms: number): string {
  const sign = ms < 0 ? '−' : '+';
  const rest = Math.abs(ms);
  const millis = String(rest % SECOND).padStart(3, '0');
  const seconds = Math.floor((rest % MINUTE) / SECOND);
  const minutes = Math.floor((rest % HOUR) / MINUTE);
  const hours = Math.floor(rest / HOUR);
  const two = (value: number) => String(value).padStart(2, '0');
  if (hours > 0) return `${sign}${hours}:${two(minutes)}:${two(seconds)}.${millis}`;
  return minutes > 0 ? `${sign}${minutes}:${two(seconds)}.${millis}` : `${sign}${seconds}.${millis}`;
}

/** `2026-11-25 14:03:27.412 UTC`, whole and the same everywhere. */
export function formatUtc(at: number): string {
  return Number.isFinite(at) && Math.abs(at) < 8.64e15 ? `${new Date(at).toISOString().replace('T', ' ').replace('Z', '')} UTC` : '';
}
