/** Binary frames of the socket, as docs/protocol.md lays them out. */

export interface LogLine {
  /** Number within its task, from 0. */
  n: number;
  /** When the host received it, in milliseconds since the Unix epoch. */
  at: number;
  stderr: boolean;
  /** Goes on in the next line. */
  partial: boolean;
  text: string;
  annotations?: Record<string, string>;
  changedBy?: string[];
}

export interface LogFrame {
  channel: number;
  firstLine: number;
  lines: LogLine[];
}

export class FrameError extends Error {
  override name = 'FrameError';
}

const HEAD_BYTES = 28;
const LINE_HEAD_BYTES = 9;
const KIND_LOG_LINES = 1;
const FLAG_STDERR = 1;
const FLAG_PARTIAL = 2;
const FLAG_EXTRAS = 4;

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Decodes a frame of log lines; null for a kind that this client does not know. */
export function decodeFrame(buffer: ArrayBuffer): LogFrame | null {
  if (buffer.byteLength < 8) throw new FrameError('a frame has at least 8 bytes');
  const view = new DataView(buffer);
  if (view.getUint8(0) !== KIND_LOG_LINES) return null;
  if (buffer.byteLength < HEAD_BYTES) throw new FrameError('the head is cut off');
  const channel = view.getUint32(4, true);
  const firstLine = Number(view.getBigUint64(8, true));
  const count = view.getUint32(16, true);
  if (HEAD_BYTES + count * LINE_HEAD_BYTES > buffer.byteLength) throw new FrameError('more lines than bytes');
  return { channel, firstLine, lines: decodeLines(view, firstLine, count, Number(view.getBigInt64(20, true))) };
}

function decodeLines(view: DataView, firstLine: number, count: number, baseTime: number): LogLine[] {
  const bytes = new Uint8Array(view.buffer);
  let offset = HEAD_BYTES + count * LINE_HEAD_BYTES;
  const take = (length: number): Uint8Array => {
    if (offset + length > bytes.length) throw new FrameError('a text is cut off');
    offset += length;
    return bytes.subarray(offset - length, offset);
  };
  const extras = decodeExtras(view, count, take);
  const texts = decodeTexts(view, count, bytes.subarray(offset));
  const lines: LogLine[] = new Array(count);
  let at = baseTime;
  for (let i = 0; i < count; i++) {
    const head = HEAD_BYTES + i * LINE_HEAD_BYTES;
    const flags = view.getUint8(head + 8);
    at += view.getInt32(head + 4, true);
    const line: LogLine = {
      n: firstLine + i,
      at,
      stderr: (flags & FLAG_STDERR) !== 0,
      partial: (flags & FLAG_PARTIAL) !== 0,
      text: texts(view.getUint32(head, true))
    };
    const extra = extras.get(i);
    if (extra?.a) line.annotations = extra.a;
    if (extra?.c) line.changedBy = extra.c;
    lines[i] = line;
  }
  return lines;
}

/**
 * Gives the texts one after the other by their length in bytes. Decoding all of a frame at once and cutting the result
 * is several times faster than a call per line; it is right where every byte became one character, as in plain ASCII.
 */
function decodeTexts(view: DataView, count: number, bytes: Uint8Array): (length: number) => string {
  let total = 0;
  for (let i = 0; i < count; i++) total += view.getUint32(HEAD_BYTES + i * LINE_HEAD_BYTES, true);
  if (total > bytes.length) throw new FrameError('a text is cut off');
  const all = utf8.decode(bytes.subarray(0, total));
  const whole = all.length === total;
  let offset = 0;
  return (length) => {
    offset += length;
    return whole ? all.slice(offset - length, offset) : utf8.decode(bytes.subarray(offset - length, offset));
  };
}

type Extras = { a?: Record<string, string>; c?: string[] };

function decodeExtras(view: DataView, count: number, take: (length: number) => Uint8Array): Map<number, Extras> {
  const extras = new Map<number, Extras>();
  for (let i = 0; i < count; i++) {
    if ((view.getUint8(HEAD_BYTES + i * LINE_HEAD_BYTES + 8) & FLAG_EXTRAS) === 0) continue;
    const length = take(4);
    const size = new DataView(length.buffer, length.byteOffset, 4).getUint32(0, true);
    extras.set(i, JSON.parse(utf8.decode(take(size))) as Extras);
  }
  return extras;
}

/** Encodes a frame; the counterpart that tests and the development host use. */
export function encodeFrame(channel: number, lines: readonly LogLine[]): ArrayBuffer {
  const encoder = new TextEncoder();
  const texts = lines.map((line) => encoder.encode(line.text));
  const extras = lines.map((line) =>
    line.annotations || line.changedBy
      ? encoder.encode(JSON.stringify({ a: line.annotations, c: line.changedBy }))
      : null
  );
  const size = (parts: (Uint8Array | null)[], each: number) =>
    parts.reduce((sum, part) => sum + (part ? part.length + each : 0), 0);
  const buffer = new ArrayBuffer(HEAD_BYTES + lines.length * LINE_HEAD_BYTES + size(extras, 4) + size(texts, 0));
  const view = new DataView(buffer);
  const bytes = new Uint8Array(buffer);
  view.setUint8(0, KIND_LOG_LINES);
  view.setUint32(4, channel, true);
  view.setBigUint64(8, BigInt(lines[0]?.n ?? 0), true);
  view.setUint32(16, lines.length, true);
  view.setBigInt64(20, BigInt(lines[0]?.at ?? 0), true);
  let before = lines[0]?.at ?? 0;
  let offset = HEAD_BYTES + lines.length * LINE_HEAD_BYTES;
  lines.forEach((line, i) => {
    const head = HEAD_BYTES + i * LINE_HEAD_BYTES;
    view.setUint32(head, texts[i]!.length, true);
    view.setInt32(head + 4, line.at - before, true);
    before = line.at;
    view.setUint8(
      head + 8,
      (line.stderr ? FLAG_STDERR : 0) | (line.partial ? FLAG_PARTIAL : 0) | (extras[i] ? FLAG_EXTRAS : 0)
    );
  });
  for (const extra of extras) {
    if (!extra) continue;
    view.setUint32(offset, extra.length, true);
    bytes.set(extra, offset + 4);
    offset += 4 + extra.length;
  }
  for (const text of texts) {
    bytes.set(text, offset);
    offset += text.length;
  }
  return buffer;
}
