import type { Sign } from './controls';
import { isHidden, styleOf, type AnsiStyle, type Pen } from './sgr';

export interface AnsiSpan extends AnsiStyle {
  text: string;
  /** Where it begins in what was written; not known where a line was written over. */
  at?: number;
  /** It stands for something invisible. */
  sign?: Sign;
  /** A terminal would not show it. */
  hidden?: boolean;
}

/** What a line is taken apart into. */
export interface Sink {
  text(text: string, at: number): void;
  sign(character: string, at: number): void;
  /** A control sequence that was complete. */
  control(final: string, parameters: string): void;
  /** Carriage return and backspace. */
  move(character: string): void;
}

export function spanOf(text: string, pen: Pen, more: Partial<AnsiSpan> = {}): AnsiSpan {
  return { text, ...styleOf(pen), ...(isHidden(pen) ? { hidden: true } : {}), ...more };
}

interface Stretch {
  from: number;
  to: number;
}

/** Cuts spans at the borders of stretches of their text, which are in order and apart, and changes what lies within. */
export function cut<S extends { text: string; at?: number }, T extends Stretch>(
  spans: readonly S[],
  stretches: readonly T[],
  within: (span: S, stretch: T) => S
): S[] {
  const out: S[] = [];
  let offset = 0;
  let next = 0;
  for (const span of spans) {
    const end = offset + span.text.length;
    let at = offset;
    const piece = (to: number): S => ({
      ...span,
      text: span.text.slice(at - offset, to - offset),
      ...(span.at === undefined ? {} : { at: span.at + at - offset })
    });
    while (next < stretches.length && stretches[next]!.from < end) {
      const stretch = stretches[next]!;
      if (stretch.from > at) {
        out.push(piece(stretch.from));
        at = stretch.from;
      }
      const to = Math.min(stretch.to, end);
      if (to > at) out.push(within(piece(to), stretch));
      at = Math.max(at, to);
      if (stretch.to > end) break;
      next++;
    }
    if (at < end) out.push(at === offset ? span : piece(end));
    offset = end;
  }
  return out;
}
