import { describe, expect, it } from 'vitest';
import type { ShownLine } from '../types';
import { foldDown, foldUp, SCAN_LINES_MAX, stepped } from './fold';

/** A log of which each letter is a line; a dot is not here. */
function logOf(text: string) {
  const line = (n: number): ShownLine | undefined => (text[n] === '.' || n < 0 || n >= text.length ? undefined : { n, at: 0, stderr: text[n] === 'E', partial: false, text: text[n]!.toLowerCase() });
  return { total: text.length, line };
}
const NONE = () => false;
const told = (rows: { index: number; count: number; open: boolean }[]) => rows.map(({ index, count, open }) => `${index}x${count}${open ? '+' : ''}`);

describe('folding', () => {
  it('makes one row of equal lines that follow each other', () => {
    expect(told(foldDown(logOf('abbbcca'), 0, 10, NONE))).toEqual(['0x1', '1x3', '4x2', '6x1']);
    expect(told(foldUp(logOf('abbbcca'), 7, 10, NONE))).toEqual(['0x1', '1x3', '4x2', '6x1']);
    expect(told(foldUp(logOf('abbbcca'), 7, 2, NONE))).toEqual(['4x2', '6x1']);
  });

  it('does not take output for errors', () => expect(told(foldDown(logOf('eeEE'), 0, 10, NONE))).toEqual(['0x2', '2x2']));

  it('shows a run whole, wherever in it one stands', () => expect(told(foldDown(logOf('abbbbc'), 3, 2, NONE))).toEqual(['1x4', '5x1']));

  it('says of a run that it may go on where lines are not here yet', () => {
    expect(told(foldDown(logOf('aab..c'), 0, 9, NONE))).toEqual(['0x2', '2x1', '3x1', '4x1', '5x1']);
    expect(told(foldDown(logOf('aa..a'), 0, 9, NONE))).toEqual(['0x2+', '2x1', '3x1', '4x1']);
    expect(told(foldUp(logOf('a..aa'), 5, 9, NONE))).toEqual(['0x1', '1x1', '2x1', '3x2+']);
  });

  it('leaves open what was opened', () => expect(told(foldDown(logOf('abbbc'), 0, 9, (n) => n >= 1 && n < 4))).toEqual(['0x1', '1x1', '2x1', '3x1', '4x1']));

  it('looks at a bounded number of lines, and says so', () => {
    let looks = 0;
    const same: ShownLine = { n: 0, at: 0, stderr: false, partial: false, text: '' };
    const endless = { total: 1_000_000, line: () => (looks++, same) };
    const [row, ...more] = foldDown(endless, 500_000, 40, NONE);
    expect(more).toEqual([]);
    expect(row).toMatchObject({ index: 500_000 - SCAN_LINES_MAX, open: true });
    expect(foldUp(endless, 1_000_000, 40, NONE)).toHaveLength(1);
    expect(looks).toBeLessThan(4 * SCAN_LINES_MAX);
  });

  it('goes over a run with one step, both ways', () => {
    const log = logOf('abbbcca');
    expect(stepped(log, 0, 1, NONE)).toBe(1);
    expect(stepped(log, 1, 1, NONE)).toBe(4);
    expect(stepped(log, 2, 1, NONE)).toBe(4);
    expect(stepped(log, 4, -1, NONE)).toBe(1);
    expect(stepped(log, 1, -1, NONE)).toBe(0);
    expect(stepped(log, 0, 99, NONE)).toBe(6);
    expect(stepped(log, 6, -99, NONE)).toBe(0);
  });

  it('comes from the beginning to the end of any log, and back, by steps of one row (CORRAL_SEED)', () => {
    const seed = Number(process.env.CORRAL_SEED ?? Date.now() % 100_000);
    let state = seed;
    const random = () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
    for (let round = 0; round < 50; round++) {
      const log = logOf(Array.from({ length: 60 }, () => 'aabE'[Math.floor(random() * 4)]).join(''));
      const rows = foldDown(log, 0, 100, NONE);
      expect(rows.reduce((sum, row) => sum + row.count, 0), `seed ${seed}`).toBe(60);
      const walked = [0];
      while (walked.length < rows.length) walked.push(stepped(log, walked.at(-1)!, 1, NONE));
      expect(walked, `seed ${seed}`).toEqual(rows.map((row) => row.index));
      const back = [walked.at(-1)!];
      while (back.length < rows.length) back.push(stepped(log, back.at(-1)!, -1, NONE));
      expect(back.reverse(), `seed ${seed}`).toEqual(walked);
    }
  });
});
