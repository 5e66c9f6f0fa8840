import { describe, expect, it } from 'vitest';
import { parseAnsi, SHOWN_CHARS_MAX, stripAnsi } from './ansi';

const ESC = '\u001b';

describe('parseAnsi', () => {
  it('leaves plain text alone', () => {
    expect(parseAnsi('a <b>bold</b> & c')).toEqual([{ text: 'a <b>bold</b> & c', classes: '' }]);
    expect(parseAnsi('')).toEqual([]);
  });

  it('gives colours and weights to what they enclose', () => {
    expect(parseAnsi(`${ESC}[1;31mbad${ESC}[0m fine ${ESC}[4mline`)).toEqual([
      { text: 'bad', classes: 'ansi-f9 ansi-b' },
      { text: ' fine ', classes: '' },
      { text: 'line', classes: 'ansi-u' }
    ]);
    expect(parseAnsi(`${ESC}[92;44mx`)).toEqual([{ text: 'x', classes: 'ansi-f10 ansi-g4' }]);
  });

  it('knows the palette of 256 and true colours in both spellings', () => {
    expect(parseAnsi(`${ESC}[38;5;196mx`)[0]).toMatchObject({ color: 'rgb(255, 0, 0)' });
    expect(parseAnsi(`${ESC}[38;5;9mx`)[0]).toMatchObject({ classes: 'ansi-f9' });
    expect(parseAnsi(`${ESC}[48;5;232mx`)[0]).toMatchObject({ background: 'rgb(8, 8, 8)' });
    expect(parseAnsi(`${ESC}[38;2;1;2;300mx`)[0]).toMatchObject({ color: 'rgb(1, 2, 255)' });
    expect(parseAnsi(`${ESC}[38:2::1:2:3mx`)[0]).toMatchObject({ color: 'rgb(1, 2, 3)' });
    expect(parseAnsi(`${ESC}[38;2;1;2;3;1mx`)[0]).toMatchObject({ color: 'rgb(1, 2, 3)', classes: 'ansi-b' });
  });

  it('swaps colours for inverse text, also where none were set', () => {
    expect(parseAnsi(`${ESC}[7mx`)[0]?.classes).toBe('ansi-v');
    expect(parseAnsi(`${ESC}[31;7mx`)[0]?.classes).toBe('ansi-g1');
  });

  it('drops every sequence that is not a colour', () => {
    const hostile = [
      `${ESC}]0;title\u0007`,
      `${ESC}]52;c;cm0gLXJmIC8=\u0007`,
      `${ESC}]8;;https://evil.example${ESC}\\`,
      `${ESC}P+q544e${ESC}\\`,
      `${ESC}_app${ESC}\\`,
      `${ESC}[2J`,
      `${ESC}[6n`,
      `${ESC}[?1049h`,
      `${ESC}[>4;1m`.replace('m', 'n'),
      `${ESC}(B`,
      `${ESC}c`,
      '\u009b31n',
      '\u009dtitle\u009c',
      '\u0007\u0008\u0000\u007f'
    ];
    for (const sequence of hostile) expect(stripAnsi(`a${sequence}b`), JSON.stringify(sequence)).toBe('ab');
  });

  it('drops a sequence that the end of the line cuts off', () => {
    expect(stripAnsi(`a${ESC}[31`)).toBe('a');
    expect(stripAnsi(`a${ESC}]0;never ended`)).toBe('a');
    expect(stripAnsi(`a${ESC}`)).toBe('a');
  });

  it('shows what a progress bar wrote last', () => {
    expect(stripAnsi('10 %\r50 %\r100 %\r')).toBe('100 %');
  });

  it('keeps tabs, and does not let marks turn the text around', () => {
    expect(stripAnsi('a\tb')).toBe('a\tb');
    expect(stripAnsi('safe\u202eexe.txt')).toBe('safeexe.txt');
  });

  it('shortens what no screen could show', () => {
    expect(stripAnsi('x'.repeat(SHOWN_CHARS_MAX * 3)).length).toBe(SHOWN_CHARS_MAX + 2);
  });
});
