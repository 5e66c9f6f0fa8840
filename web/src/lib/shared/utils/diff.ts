export interface DiffLine {
  kind: 'same' | 'added' | 'removed' | 'place';
  text: string;
}

/** The lines of a unified diff, without its two heads; a `place` says where a run of lines begins. */
export function parseDiff(diff: string): DiffLine[] {
  const lines: DiffLine[] = [];
  // Heads stand before the first place only; later a line that begins with `--- ` was taken away.
  let begun = false;
  for (const line of diff.replace(/\n$/, '').split('\n')) {
    const text = line.slice(1);
    if (line.startsWith('@@')) {
      begun = true;
      lines.push({ kind: 'place', text: placeOf(line) });
    } else if (!begun || line.startsWith('\\')) continue;
    else if (line.startsWith('+')) lines.push({ kind: 'added', text });
    else if (line.startsWith('-')) lines.push({ kind: 'removed', text });
    else lines.push({ kind: 'same', text });
  }
  return lines;
}

/** `line 12` of `@@ -10,3 +12,4 @@`. */
function placeOf(line: string): string {
  const at = /\+(\d+)/.exec(line)?.[1];
  return at ? `line ${at}` : line;
}
