const number = new Intl.NumberFormat('en-US');
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const minute = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' });

export function formatCount(value: number): string {
  return number.format(value);
}

/** With a capital letter at its beginning. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `3 machines`, `1 machine`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${formatCount(value)} ${value === 1 ? one : many}`;
}

export function formatBytes(value: number): string {
  if (value < 1024) return `${value} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let unit = -1;
  let rest = value;
  do {
    rest /= 1024;
    unit++;
  } while (rest >= 1024 && unit < units.length - 1);
  return `${rest.toFixed(rest < 10 ? 1 : 0)} ${units[unit]}`;
}

/** `840 ms`, `4.2 s`, `3m 05s`, `2h 04m`. */
export function formatDuration(ms: number): string {
  if (ms < 1) return '<1 ms';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${String(Math.floor(seconds % 60)).padStart(2, '0')}s`;
  return `${Math.floor(minutes / 60)}h ${String(minutes % 60).padStart(2, '0')}m`;
}

/** `<1 µs`, `840 µs`, then as a duration. */
export function formatMicros(micros: number): string {
  if (micros < 1) return '<1 µs';
  return micros < 1000 ? `${Math.round(micros)} µs` : formatDuration(micros / 1000);
}

/** `41 days, 3 h`, `3 h 12 min`, `12 min`. */
export function formatUptime(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (days > 0) return `${plural(days, 'day')}, ${hours % 24} h`;
  return hours > 0 ? `${hours} h ${minutes % 60} min` : `${minutes} min`;
}

/** `<1 ms`, `12 ms`. */
export function formatLatency(ms: number): string {
  return ms < 1 ? '<1 ms' : `${Math.round(ms)} ms`;
}

/** `just now`, `12 s ago`, `4 min ago`, `3 h ago`, then the day. */
export function formatAgo(time: string | number, now: number): string {
  const at = typeof time === 'number' ? time : Date.parse(time);
  const seconds = Math.max(0, Math.floor((now - at) / 1000));
  if (seconds < 5) return 'just now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  if (seconds < 7 * 86_400) return `${Math.floor(seconds / 86_400)} d ago`;
  return day.format(at);
}

export function formatTime(time: string | number): string {
  return full.format(typeof time === 'number' ? time : Date.parse(time));
}

/** `14:03`. */
export function formatClock(time: string | number): string {
  return minute.format(typeof time === 'number' ? time : Date.parse(time));
}

/** `14:03:27.412`, as it stands beside a line. */
export function formatLineTime(at: number): string {
  return `${clock.format(at)}.${String(((at % 1000) + 1000) % 1000).padStart(3, '0')}`;
}

/** Words as one would type them: quoted where a shell would take them apart. */
export function quoteWord(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

export function commandText(command: { argv: string[] } | { script: string }): string {
  return 'argv' in command ? command.argv.map(quoteWord).join(' ') : command.script;
}

/** First line only, for where there is room for one. */
export function commandTitle(command: { argv: string[] } | { script: string }): string {
  const lines = commandText(command)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#!'));
  return (lines[0] ?? '') + (lines.length > 1 ? ' …' : '');
}
