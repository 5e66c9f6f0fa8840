import { describe, expect, it } from 'vitest';
import { rawText } from './controls';
import { parseAnsi, SHOWN_CHARS_MAX, stripAnsi } from './parse';

const ESC = '\u001b';
const looks = (raw: string) => parseAnsi(raw).map(({ text, classes }) => [text, classes]);

describe('parseAnsi', () => {
  it('leaves plain text alone', () => {
    expect(parseAnsi('a <b>bold</b> & c')).toEqual([{ text: 'a <b>bold</b> & c', classes: '', at: 0 }]);
    expect(parseAnsi('')).toEqual([]);
  });

  it('gives colours and weights to what they enclose', () => {
    expect(looks(`${ESC}[1;31mbad${ESC}[0m fine ${ESC}[4mline`)).toEqual([
      ['bad', 'ansi-f9 ansi-b'],
      [' fine ', ''],
      ['line', 'ansi-u']
    ]);
    expect(looks(`${ESC}[92;44mx`)).toEqual([['x', 'ansi-f10 ansi-g4']]);
    expect(looks(`${ESC}[1;2;3;9mx${ESC}[22;23;29my`)).toEqual([['x', 'ansi-b ansi-d ansi-i ansi-s'], ['y', '']]);
  });

  it('knows the palette of 256 and true colours in both spellings', () => {
    expect(parseAnsi(`${ESC}[38;5;196mx`)[0]).toMatchObject({ color: 'rgb(255, 0, 0)' });
    expect(parseAnsi(`${ESC}[38;5;9mx`)[0]).toMatchObject({ classes: 'ansi-f9' });
    expect(parseAnsi(`${ESC}[48;5;232mx`)[0]).toMatchObject({ background: 'rgb(8, 8, 8)' });
    expect(parseAnsi(`${ESC}[38;2;1;2;300mx`)[0]).toMatchObject({ color: 'rgb(1, 2, 255)' });
    expect(parseAnsi(`${ESC}[38:2::1:2:3mx`)[0]).toMatchObject({ color: 'rgb(1, 2, 3)' });
    expect(parseAnsi(`${ESC}[38:2:1:2:3mx`)[0]).toMatchObject({ color: 'rgb(1, 2, 3)' });
    expect(parseAnsi(`${ESC}[48:5:21mx`)[0]).toMatchObject({ background: 'rgb(0, 0, 255)' });
    expect(parseAnsi(`${ESC}[38;2;1;2;3;1mx`)[0]).toMatchObject({ color: 'rgb(1, 2, 3)', classes: 'ansi-b' });
  });

  it('takes the parts of one parameter together, and does not take them for others', () => {
    // A curly underline is an underline, not also italic; none is none, and takes nothing else away.
    expect(looks(`${ESC}[4:3mx`)).toEqual([['x', 'ansi-u']]);
    expect(looks(`${ESC}[1;4;4:0mx`)).toEqual([['x', 'ansi-b']]);
    // The colour of an underline is not shown; its numbers are no styles.
    expect(looks(`${ESC}[4;58;5;1mx`)).toEqual([['x', 'ansi-u']]);
    expect(looks(`${ESC}[58:2::1:3:9mx`)).toEqual([['x', '']]);
    // Neither are those of sequences that only end in the same letter.
    expect(looks(`${ESC}[>4;1mx${ESC}[?1;3my`)).toEqual([['x', ''], ['y', '']]);
  });

  it('swaps colours for inverse text, also where none were set', () => {
    expect(parseAnsi(`${ESC}[7mx`)[0]?.classes).toBe('ansi-v');
    expect(parseAnsi(`${ESC}[31;7mx`)[0]?.classes).toBe('ansi-g1');
  });

  it('shows what a command concealed, and knows that it did', () => {
    expect(parseAnsi(`${ESC}[8msecret`)[0]).toMatchObject({ text: 'secret', hidden: true });
    expect(parseAnsi(`${ESC}[38;5;16;48;2;0;0;0msecret`)[0]).toMatchObject({ hidden: true });
    expect(parseAnsi(`${ESC}[8ma${ESC}[28mb`)[1]?.hidden).toBeUndefined();
  });

  it('drops every sequence that is not a colour', () => {
    const hostile = [
      `${ESC}]0;title\u0007`,
      `${ESC}]52;c;cm0gLXJmIC8=\u0007`,
      `${ESC}]8;;https://evil.example${ESC}\\`,
      `${ESC}]8;;javascript:alert(1)\u0007`,
      `${ESC}P+q544e${ESC}\\`,
      `${ESC}P1;1|17/6162${ESC}\\`,
      `${ESC}_app${ESC}\\`,
      `${ESC}^private${ESC}\\`,
      `${ESC}Xstart of string${ESC}\\`,
      `${ESC}]0;cancelled\u0018`,
      `${ESC}[2J`,
      `${ESC}[6n`,
      `${ESC}[c`,
      `${ESC}[?1049h`,
      `${ESC}[>4;1n`,
      `${ESC}[1 q`,
      `${ESC}(B`,
      `${ESC}#8`,
      `${ESC}c`,
      `${ESC}7`,
      '\u009b31n',
      '\u009dtitle\u009c',
      '\u0090+q\u009c'
    ];
    for (const sequence of hostile) expect(stripAnsi(`a${sequence}b`), JSON.stringify(sequence)).toBe('ab');
  });

  it('drops a sequence that the end of the line cuts off', () => {
    expect(stripAnsi(`a${ESC}[31`)).toBe('a');
    expect(stripAnsi(`a${ESC}]0;never ended`)).toBe('a');
    expect(stripAnsi(`a${ESC}]0;never ended${ESC}`)).toBe('a');
    expect(stripAnsi(`a${ESC}`)).toBe('a');
  });

  it('takes an ESC within a string for the beginning of another sequence', () => {
    expect(looks(`${ESC}]0;title${ESC}[31mred`)).toEqual([['red', 'ansi-f1']]);
    expect(stripAnsi(`${ESC}${ESC}[1mx`)).toBe('x');
    expect(stripAnsi(`a${ESC}[3é`)).toBe('aé');
  });

  it('shows controls and what cannot be seen by signs with their names', () => {
    expect(stripAnsi('a\u0000b')).toBe('a␀b');
    expect(stripAnsi('\u0007\u000b\u007f')).toBe('␇␋␡');
    expect(stripAnsi('safe\u202eexe.txt')).toBe('safeU+202Eexe.txt');
    expect(parseAnsi('a\u202eb')[1]).toMatchObject({ at: 1, text: 'U+202E', sign: { title: 'right-to-left override (U+202E)' } });
    expect(parseAnsi('\u0000')[0]).toMatchObject({ text: 'NUL', sign: { plain: '␀', title: 'NUL (U+0000)' } });
    expect(stripAnsi('pay\u200bpal')).toBe('payU+200Bpal');
    expect(stripAnsi('\ufeffa\u2028b\u00adc\u0085')).toBe('U+FEFFaU+2028bU+00ADcU+0085');
    expect(stripAnsi('a\u{e0041}b')).toBe('aU+E0041b');
  });

  it('leaves joiners and selectors where they belong', () => {
    for (const text of ['👩‍💻', '❤️ and 1️⃣', 'می‌خواهم', 'क्‍ष']) expect(stripAnsi(text)).toBe(text);
    expect(stripAnsi('ad\u200dmin')).toBe('adU+200Dmin');
    expect(stripAnsi('x\ufe01')).toBe('xU+FE01');
  });

  it('keeps tabs', () => expect(stripAnsi('a\tb')).toBe('a\tb'));

  it('says of each stretch where it stood', () => {
    expect(parseAnsi(`ab${ESC}[1mcd\u0000e`).map((span) => span.at)).toEqual([0, 6, 8, 9]);
  });

  it('shortens what no screen could show', () => {
    expect(stripAnsi('x'.repeat(SHOWN_CHARS_MAX * 3)).length).toBe(SHOWN_CHARS_MAX + 2);
  });
});

describe('a line that is written over', () => {
  it('shows what was written last, and what that left', () => {
    expect(stripAnsi('10 %\r50 %\r100 %\r')).toBe('100 %');
    expect(stripAnsi('windows\r')).toBe('windows');
    expect(stripAnsi('abcdef\rxy')).toBe('xycdef');
    expect(stripAnsi(`abcdef\rxy${ESC}[K`)).toBe('xy');
    expect(stripAnsi(`abcdef${ESC}[2K\rxy`)).toBe('xy');
    expect(stripAnsi(`abcdef${ESC}[1Gx${ESC}[3Cy`)).toBe('xbcdyf');
    expect(stripAnsi(`abcdef\r${ESC}[1K`)).toBe(' bcdef');
  });

  it('goes back by backspace, and not beyond the beginning', () => {
    expect(stripAnsi('pass\b\b\b\bword')).toBe('word');
    expect(stripAnsi('\b\b\bx')).toBe('x');
    expect(stripAnsi('a\u0000\bb')).toBe('ab');
  });

  it('keeps the colours of what is left', () => {
    expect(looks(`${ESC}[31mred${ESC}[0m\r${ESC}[32mg`)).toEqual([['g', 'ansi-f2'], ['ed', 'ansi-f1']]);
  });

  it('knows that some characters take two columns, and tabs some', () => {
    expect(stripAnsi('漢字\rab')).toBe('ab字');
    expect(stripAnsi('漢字\ra')).toBe('a 字');
    expect(stripAnsi('a\tb\rc')).toBe('c       b');
    expect(stripAnsi('e\u0301x\ra')).toBe('ax');
  });

  it('is bounded, however far it moves', () => {
    expect(stripAnsi(`x\r${ESC}[999999999Gy`).length).toBeLessThanOrEqual(SHOWN_CHARS_MAX);
    expect(stripAnsi(`${ESC}[2K${ESC}[99999999999999999999999Cy`).length).toBeLessThanOrEqual(SHOWN_CHARS_MAX);
  });
});

describe('rawText', () => {
  it('shows all that was written', () => expect(rawText(`${ESC}[1ma\r\tb\u202e`).map((piece) => piece.sign?.plain ?? piece.text).join('')).toBe('␛[1ma␍\tbU+202E'));
});

describe('hostile output', () => {
  const seed = Number(process.env.CORRAL_SEED ?? Date.now() % 1_000_000);
  /** Small and the same everywhere (mulberry32). */
  function* numbers(from: number): Generator<number, never> {
    let state = from;
    for (;;) {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      yield ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    }
  }
  const PIECES = [ESC, '[', ']', 'P', '_', '\\', ';', ':', '?', '1', '38', '5', 'm', 'K', 'G', 'D', '\r', '\b', '\t', '\u0000', '\u0007', '\u0018', '\u009b', '\u009d', '\u009c', '\u202e', '\u200b', '\u200d', '\ufe0f', '👩', '漢', 'é', 'a', ' ', '<script>', 'https://e.example', '\ud800', '\u{e0001}'];
  const VISIBLE = /^[^\x00-\x08\x0a-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]*$/;

  it(`never leaves a control, whatever was written (CORRAL_SEED=${seed})`, () => {
    const random = numbers(seed);
    for (let round = 0; round < 4000; round++) {
      const raw = Array.from({ length: Math.floor(random.next().value * 24) }, () => PIECES[Math.floor(random.next().value * PIECES.length)]).join('');
      const spans = parseAnsi(raw);
      const shown = spans.map((span) => span.text).join('');
      expect(shown, `seed ${seed}, ${JSON.stringify(raw)}`).toMatch(VISIBLE);
      // Once stripped, nothing more is to be stripped. Only whether a joiner belongs where it stands depends on what was around it.
      const settled = stripAnsi(raw.replace(/[\u200d\ufe0f]/g, ''));
      expect(stripAnsi(settled), `seed ${seed}, ${JSON.stringify(raw)}`).toBe(settled);
      for (const { at, text, sign } of spans) if (at !== undefined && !sign && text !== ' …') expect(raw.slice(at, at + text.length)).toBe(text);
    }
  });
});
