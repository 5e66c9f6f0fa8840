import { describe, expect, it } from 'vitest';
import { parseInline, parseMarkdown } from './markdown';

const README = `# Redact

Takes *secrets* out,
also \`tokens\`.

| rule | takes |
| --- | --- |
| \`jwt\` | **tokens** |

- one
- two
  goes on

1. first
> a word

\`\`\`json
{ "a": "<b>" }
\`\`\`
---`;

describe('parseMarkdown', () => {
  it('takes a README apart', () => {
    expect(parseMarkdown(README)).toEqual([
      { kind: 'heading', level: 1, text: [{ kind: 'text', text: 'Redact' }] },
      { kind: 'paragraph', text: [{ kind: 'text', text: 'Takes ' }, { kind: 'em', text: 'secrets' }, { kind: 'text', text: ' out, also ' }, { kind: 'code', text: 'tokens' }, { kind: 'text', text: '.' }] },
      { kind: 'table', head: [[{ kind: 'text', text: 'rule' }], [{ kind: 'text', text: 'takes' }]], rows: [[[{ kind: 'code', text: 'jwt' }], [{ kind: 'strong', text: 'tokens' }]]] },
      { kind: 'list', ordered: false, items: [[{ kind: 'text', text: 'one' }], [{ kind: 'text', text: 'two goes on' }]] },
      { kind: 'list', ordered: true, items: [[{ kind: 'text', text: 'first > a word' }]] },
      { kind: 'code', text: '{ "a": "<b>" }' },
      { kind: 'rule' }
    ]);
  });

  it('leaves HTML the text that it is', () => {
    const hostile = '<img src=x onerror=alert(1)> <script>alert(1)</script>';
    expect(parseMarkdown(hostile)).toEqual([{ kind: 'paragraph', text: [{ kind: 'text', text: hostile }] }]);
  });

  it('makes links of web addresses only', () => {
    expect(parseInline('[docs](https://example.com/a)')).toEqual([{ kind: 'link', text: 'docs', href: 'https://example.com/a' }]);
    for (const href of ['javascript:alert(1)', 'JaVaScRiPt:alert(1)', 'data:text/html,x', '//example.com', '../other.md', 'vbscript:x']) {
      expect(parseInline(`[click](${href})`).some((part) => part.kind === 'link'), href).toBe(false);
    }
  });

  it('loses nothing of what it cannot read', () => {
    for (const text of ['[open', '**bold', '`code', '[a](b', 'a * b * c', 'snake_case_name', '![x](y)']) {
      const shown = parseInline(text).map((part) => part.text).join('');
      expect(shown.length, text).toBeGreaterThan(0);
    }
    expect(parseInline('snake_case_name')).toEqual([{ kind: 'text', text: 'snake_case_name' }]);
  });

  it('ends on texts that are made to take long', () => {
    for (const piece of ['`', 'x``', '[', '*', '_', '**', '[](', '> ', '- ', '#', '|', '```\n']) {
      expect(Array.isArray(parseMarkdown(piece.repeat(50_000)))).toBe(true);
    }
  }, 20_000);
});
