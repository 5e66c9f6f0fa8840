import { describe, expect, it } from 'vitest';
import { parseDiff } from './diff';

describe('parseDiff', () => {
  it('tells what was added, taken away and left', () => {
    const diff = '--- web-1\n+++ web-7\n@@ -1,3 +1,3 @@\n kernel 6.12\n-nginx 1.26\n+nginx 1.24\n up\n';
    expect(parseDiff(diff)).toEqual([
      { kind: 'place', text: 'line 1' },
      { kind: 'same', text: 'kernel 6.12' },
      { kind: 'removed', text: 'nginx 1.26' },
      { kind: 'added', text: 'nginx 1.24' },
      { kind: 'same', text: 'up' }
    ]);
  });

  it('takes lines of dashes for what they are, and leaves out notes on the last line', () => {
    expect(parseDiff('--- a\n+++ b\n@@ -1 +1 @@\n--- x\n+++ y\n\\ No newline at end of file\n')).toEqual([
      { kind: 'place', text: 'line 1' },
      { kind: 'removed', text: '-- x' },
      { kind: 'added', text: '++ y' }
    ]);
    expect(parseDiff('')).toEqual([]);
  });
});
