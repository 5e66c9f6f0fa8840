/** Addresses that are shared: a job, a machine's output in it, a line of that. */
export function jobPath(job: string, vm?: string | null, line?: number | null): string {
  const query = new URLSearchParams();
  if (vm) query.set('vm', vm);
  if (vm && line) query.set('line', String(line));
  const text = query.toString();
  return `/jobs/${job}${text ? `?${text}` : ''}`;
}

/** A job with its output grouped. */
export function jobGroupsPath(job: string): string {
  return `/jobs/${job}?view=grouped`;
}

export function vmPath(vm: string): string {
  return `/vms/${vm}`;
}

/** The run page with a job shown live. */
export function runPath(job?: string | null): string {
  return job ? `/?job=${job}` : '/';
}

/** A positive whole number of a query, or null. */
export function positive(text: string | null): number | null {
  const value = Number(text);
  return Number.isInteger(value) && value > 0 ? value : null;
}
