export { rawText } from './controls';
export { withLinks, type LinkedSpan } from './links';
export { charRanges, withMarks, type ByteRange } from './marks';
export { parseAnsi, SHOWN_CHARS_MAX, stripAnsi } from './parse';
export { type AnsiSpan } from './spans';
export type { AnsiStyle } from './sgr';
