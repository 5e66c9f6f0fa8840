import { describe, expect, it } from 'vitest';
import { withLinks } from './links';
import { charRanges, withMarks } from './marks';
import { parseAnsi } from './parse';

const ESC = '\u001b';
const linked = (raw: string) => withLinks(parseAnsi(raw)).filter((span) => span.href).map((span) => [span.text, span.href]);

describe('withLinks', () => {
  it('links addresses, without the punctuation behind them', () => {
    expect(linked('see https://example.org/a?b=c#d.')).toEqual([['https://example.org/a?b=c#d', 'https://example.org/a?b=c#d']]);
    expect(linked('(http://10.0.0.1:8080/x), "https://e.example/y"!').map(([text]) => text)).toEqual(['http://10.0.0.1:8080/x', 'https://e.example/y']);
    expect(linked('https://en.example/wiki/A_(b) [https://e.example/c]').map(([text]) => text)).toEqual(['https://en.example/wiki/A_(b)', 'https://e.example/c']);
  });

  it('leaves the text as it is', () => {
    const raw = `a ${ESC}[31mhttps://e.example/x${ESC}[0m, b https://f.example`;
    const spans = parseAnsi(raw);
    expect(withLinks(spans).map((span) => span.text).join('')).toBe(spans.map((span) => span.text).join(''));
    expect(withLinks(spans).find((span) => span.text === 'https://f.example')?.at).toBe(raw.indexOf('https://f.'));
  });

  it('follows one through a change of colour', () => {
    expect(linked(`https://e.example/${ESC}[1mbold${ESC}[0m/x`)).toEqual([
      ['https://e.example/', 'https://e.example/bold/x'],
      ['bold', 'https://e.example/bold/x'],
      ['/x', 'https://e.example/bold/x']
    ]);
  });

  it('links nothing else, and nothing that deceives', () => {
    const hostile = [
      'javascript:alert(1)',
      'JaVaScRiPt://x.example/%0aalert(1)',
      'data:text/html,<script>1</script>',
      'vbscript:x',
      'file:///etc/passwd',
      'ftp://e.example/x',
      'https://bank.example@evil.example/',
      'https://user:pw@evil.example/',
      'https://',
      'https://[broken',
      'xhttps://e.example',
      `${ESC}]8;;https://evil.example${ESC}\\click${ESC}]8;;${ESC}\\`,
      `${ESC}[8mhttps://hidden.example${ESC}[0m`,
      `${ESC}[30;40mhttps://hidden.example`,
      `https://${'a'.repeat(3000)}.example`
    ];
    for (const raw of hostile) expect(linked(raw), JSON.stringify(raw)).toEqual([]);
  });

  it('ends one where something invisible stands', () => {
    expect(linked('https://e.example\u202e/moc.elgoog')).toEqual([['https://e.example', 'https://e.example/']]);
    expect(linked('https://e.example/a\u0000b')).toEqual([['https://e.example/a', 'https://e.example/a']]);
  });

  it('says where a name goes that only looks like another', () => {
    expect(linked('https://gооgle.example')[0]?.[1]).toBe('https://xn--ggle-55da.example/');
  });
});

describe('marks', () => {
  it('counts characters where the host counted bytes', () => {
    expect(charRanges('añ漢👩z', [[1, 3], [3, 6], [6, 10], [10, 11]])).toEqual([[1, 2], [2, 3], [3, 5], [5, 6]]);
    expect(charRanges('cde', [[2, 4]], 2)).toEqual([[0, 2]]);
    expect(charRanges('a\ufffdb', [[1, 2]])).toBeNull();
  });

  it('marks what was found, through colours and links', () => {
    const raw = `an ${ESC}[31merr${ESC}[0mor`;
    const marked = withMarks(parseAnsi(raw), [[raw.indexOf('err'), raw.indexOf('err') + 3]])!;
    expect(marked.map((span) => [span.text, span.mark ?? false])).toEqual([['an ', false], ['err', true], ['or', false]]);
    const linkedSpans = withLinks(parseAnsi('https://e.example/error'));
    expect(withMarks(linkedSpans, [[18, 23]])!.map((span) => [span.text, span.href !== undefined, span.mark ?? false])).toEqual([
      ['https://e.example/', true, false],
      ['error', true, true]
    ]);
  });

  it('does not guess where a line was written over', () => expect(withMarks(parseAnsi('abc\rx'), [[0, 1]])).toBeNull());
});
