/** What can be granted to a plugin, and what has to be said beside the name of the right. */
export interface Right {
  name: string;
  /** What it lets the plugin do. */
  means: string;
  scope: 'none' | 'selector' | 'named';
  /** What is named, or which machines, with an example. */
  scopeLabel: string;
  example: string;
}

export const RIGHTS: readonly Right[] = [
  { name: 'read-file', means: 'Read the files of a folder', scope: 'named', scopeLabel: 'Folder', example: '/etc/inventory' },
  { name: 'kv', means: 'Remember small things across restarts', scope: 'none', scopeLabel: '', example: '' },
  { name: 'vms', means: 'Read the inventory', scope: 'selector', scopeLabel: 'Only machines that', example: 'env=dev' },
  { name: 'jobs', means: 'Read jobs', scope: 'selector', scopeLabel: 'Only on machines that', example: 'env=dev' },
  { name: 'jobs.submit', means: 'Start jobs, and cancel its own', scope: 'selector', scopeLabel: 'Only on machines that', example: 'env=dev' },
  { name: 'logs', means: 'Read stored output', scope: 'selector', scopeLabel: 'Only of machines that', example: 'env=dev' },
  { name: 'http', means: 'Speak HTTP with a host', scope: 'named', scopeLabel: 'Host', example: 'inventory.example.com' },
  { name: 'secrets', means: 'Read a secret', scope: 'named', scopeLabel: 'Name of the secret', example: 'netbox.token' }
];

/** A grant or a want taken apart: `vms:env=dev` is about `vms`, as far as `env=dev`. */
export function grantParts(text: string): { right: string; scope: string } {
  const at = text.indexOf(':');
  return at < 0 ? { right: text, scope: '' } : { right: text.slice(0, at), scope: text.slice(at + 1) };
}

export function grantText(right: string, scope: string): string {
  const said = scope.trim();
  return said === '' ? right : `${right}:${said}`;
}

/** What is wrong with a scope; empty if nothing is. The host looks again. */
export function scopeProblem(right: Right, scope: string): string {
  return right.scope === 'named' && scope.trim() === '' ? `Needed, as ${right.example}.` : '';
}
