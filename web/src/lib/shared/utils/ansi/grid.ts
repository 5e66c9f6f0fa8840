import { signOf, type Sign } from './controls';
import { applySgr, PLAIN, type Pen } from './sgr';
import { spanOf, type AnsiSpan, type Sink } from './spans';

/** Columns that are kept; moving further right stays here. */
const COLUMNS_MAX = 20_000;
const TAB = 8;
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
const COMBINING = /^[\p{M}\u200c\u200d\ufe00-\ufe0f]$/u;

interface Cell {
  text: string;
  pen: Pen;
  sign?: Sign;
}

/** One line of a terminal, for output that moves back over itself: what was written last is what one would see. */
export class Grid implements Sink {
  private cells: (Cell | undefined)[] = [];
  private column = 0;
  private pen = PLAIN;

  text(text: string): void {
    for (const character of text) {
      if (character === '\t') this.moveTo((Math.floor(this.column / TAB) + 1) * TAB);
      else if (COMBINING.test(character)) this.combine(character);
      else {
        this.put({ text: character, pen: this.pen });
        // The right half of a wide character is a cell without text.
        if (WIDE.test(character)) this.put({ text: '', pen: this.pen });
      }
    }
  }

  sign(character: string): void {
    const sign = signOf(character);
    this.put({ text: sign.text, pen: this.pen, sign });
  }

  control(final: string, parameters: string): void {
    const count = Math.max(1, Number(parameters) || 1);
    if (final === 'm') this.pen = applySgr(this.pen, parameters);
    else if (final === 'G' || final === '`') this.moveTo(count - 1);
    else if (final === 'C') this.moveTo(this.column + count);
    else if (final === 'D') this.moveTo(this.column - count);
    else if (final === 'K') this.erase(Number(parameters) || 0);
  }

  move(character: string): void {
    this.moveTo(character === '\r' ? 0 : this.column - 1);
  }

  /** What stands in the line, up to so many characters. */
  spans(most: number): AnsiSpan[] {
    const runs: Cell[] = [];
    for (let i = 0; i < Math.min(this.cells.length, most); i++) {
      const cell = this.cells[i] ?? { text: ' ', pen: PLAIN };
      const open = runs.at(-1);
      if (open && !open.sign && !cell.sign && open.pen === cell.pen) open.text += cell.text;
      else runs.push({ ...cell });
    }
    return runs.filter(({ text }) => text !== '').map(({ text, pen, sign }) => spanOf(text, pen, sign ? { sign } : {}));
  }

  private moveTo(column: number): void {
    this.column = Math.max(0, Math.min(column, COLUMNS_MAX));
  }

  private put(cell: Cell): void {
    if (this.column >= COLUMNS_MAX) return;
    // Half of a wide character that is written over leaves a blank.
    if (this.cells[this.column]?.text === '' && cell.text !== '' && this.column > 0) this.cells[this.column - 1] = undefined;
    this.cells[this.column++] = cell;
    if (cell.text !== '' && this.cells[this.column]?.text === '') this.cells[this.column] = undefined;
  }

  private combine(character: string): void {
    const cell = this.cells[this.column - 1];
    if (cell) this.cells[this.column - 1] = { ...cell, text: cell.text + character };
  }

  private erase(which: number): void {
    if (which === 0) this.cells.length = Math.min(this.cells.length, this.column);
    else if (which === 1) this.cells.fill(undefined, 0, this.column + 1);
    else if (which === 2) this.cells = [];
  }
}
