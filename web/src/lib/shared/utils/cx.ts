type Part = string | false | null | undefined;

/** Class names that apply, joined. */
export function cx(...parts: Part[]): string {
  return parts.filter(Boolean).join(' ');
}
