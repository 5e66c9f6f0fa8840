export type { Secret } from '$lib/core/clients';

const NAME_MAX = 64;

/** What is wrong with the name of a secret, as the host would say it; empty if nothing is. */
export function secretNameProblem(name: string): string {
  if (name === '' || name.length > NAME_MAX) return `has 1 to ${NAME_MAX} characters`;
  if (!/^[A-Za-z0-9._-]+$/.test(name)) return 'is made of letters, digits, “.”, “_” and “-”';
  return /^[A-Za-z0-9]/.test(name) ? '' : 'begins with a letter or a digit';
}
