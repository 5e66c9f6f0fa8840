// @vitest-environment jsdom
import { flushSync, mount, unmount } from 'svelte';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { selectedText } from '../services/copy';
import type { ShownLine } from '../types';
import Log from './Log.svelte';

const ESC = '\u001b';
const LOOK = { numbers: true, wrap: false, fold: false, time: 'absolute' as const };
const shown: object[] = [];
afterEach(() => {
  shown.splice(0).forEach((each) => unmount(each));
  document.body.innerHTML = '';
});

function show(line: Partial<ShownLine> & { text: string }, more: Partial<Parameters<typeof Log>[1]> = {}): HTMLElement {
  const index = line.n ?? shown.length;
  const props = { line: { n: index, at: 0, stderr: false, partial: false, ...line }, before: undefined, start: 0, index, number: index + 1, digits: 2, look: LOOK, marked: false, ...more };
  shown.push(mount(Log, { target: document.body, props: props as never }));
  flushSync();
  return document.querySelector<HTMLElement>(`[data-index="${index}"]`)!;
}

describe('a line', () => {
  it('is text, whatever was written', () => {
    const row = show({ text: `<img src=x onerror=alert(1)> ${ESC}[31m<script>x</script>${ESC}[0m &amp; ${ESC}]0;t\u0007` });
    expect(row.querySelector('img, script')).toBeNull();
    expect(row.querySelector('[data-text]')!.textContent).toBe('<img src=x onerror=alert(1)> <script>x</script> &amp; ');
  });

  it('links addresses so that they learn nothing of this page', () => {
    const row = show({ text: `see https://e.example/x, javascript:alert(1) and ${ESC}]8;;https://evil.example${ESC}\\this` });
    const links = [...row.querySelectorAll('a')];
    expect(links.map((link) => link.getAttribute('href'))).toEqual(['https://e.example/x']);
    expect(links[0]!.rel).toBe('noopener noreferrer');
    expect(links[0]!.target).toBe('_blank');
  });

  it('tells level, output and changes in words too', () => {
    const row = show({ text: 'x', stderr: true, annotations: { level: 'WARNING' }, changedBy: ['redact'] });
    expect(row.textContent!.replaceAll(/\s+/g, ' ')).toMatch(/warning: .*standard error: x.*changed by redact/);
    expect(row.dataset.stream).toBe('stderr');
  });

  it('says when it was damaged, cut short, or stands for several', () => {
    const details = vi.fn();
    const unfold = vi.fn();
    expect(show({ n: 500, text: '', damaged: { first: 500, count: 120 } }).textContent).toContain('Lines 501 to 620 are damaged on disk and cannot be read.');
    const long = show({ n: 7, text: 'x', bytes: 131_072, partial: true }, { ondetails: details });
    expect(long.textContent).toContain('goes on in the next line');
    [...long.querySelectorAll('button')].find((button) => button.textContent!.includes('128 KiB'))!.click();
    expect(details).toHaveBeenCalledWith(8);
    expect(show({ n: 8, text: 'x', partial: true }, { last: true }).textContent).toContain('no newline at the end');
    const folded = show({ n: 9, text: 'same' }, { count: 4000, open: true, onunfold: unfold });
    const button = [...folded.querySelectorAll('button')].find((each) => each.textContent === '× 4,000+')!;
    expect(button.getAttribute('aria-label')).toBe('4,000 equal lines or more; show each');
    button.click();
    expect(unfold).toHaveBeenCalledOnce();
  });

  it('marks what a search found', () => {
    const row = show({ text: `é ${ESC}[1merror` }, { ranges: [[7, 10]] });
    expect([...row.querySelectorAll('.log-mark')].map((mark) => mark.textContent)).toEqual(['err']);
  });

  it('is copied without numbers, times and marks, and as often as it was written', () => {
    show({ n: 0, text: 'first line', stderr: true, annotations: { level: 'error' } });
    show({ n: 1, text: 'same' }, { count: 3 });
    show({ n: 4, text: 'last https://e.example/' });
    const select = (from: number, to: number) => {
      const texts = [...document.querySelectorAll('[data-text]')].map((each) => document.createTreeWalker(each, NodeFilter.SHOW_TEXT).nextNode()!);
      document.getSelection()!.setBaseAndExtent(texts[0]!, from, texts[2]!, to);
    };
    select(6, 4);
    expect(selectedText(document.body, document.getSelection())).toBe('line\nsame\nsame\nsame\nlast');
    document.getSelection()!.collapseToStart();
    expect(selectedText(document.body, document.getSelection())).toBeNull();
  });
});
