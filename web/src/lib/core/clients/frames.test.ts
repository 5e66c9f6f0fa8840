import { describe, expect, it } from 'vitest';
import { decodeFrame, encodeFrame, FrameError, type LogLine } from './frames';

const line = (n: number, text: string, more: Partial<LogLine> = {}): LogLine => ({
  n,
  at: 1_700_000_000_000 + n,
  stderr: false,
  partial: false,
  text,
  ...more
});

describe('binary frames', () => {
  it('give back the lines that went in', () => {
    const lines = [
      line(41, 'grün ✓'),
      line(42, '', { stderr: true }),
      line(43, 'cut', { partial: true, at: 1_700_000_000_001 }),
      line(44, 'secret [redacted]', { annotations: { level: 'warn' }, changedBy: ['redact'] })
    ];
    expect(decodeFrame(encodeFrame(7, lines))).toEqual({ channel: 7, firstLine: 41, lines });
  });

  it('are read byte by byte as the protocol says', () => {
    const bytes = new Uint8Array([
      ...[1, 0, 0, 0], ...[2, 0, 0, 0], ...[5, 0, 0, 0, 0, 0, 0, 0], ...[1, 0, 0, 0], ...[232, 3, 0, 0, 0, 0, 0, 0],
      ...[2, 0, 0, 0], ...[255, 255, 255, 255], 1, ...[0x68, 0x69]
    ]);
    expect(decodeFrame(bytes.buffer)).toEqual({
      channel: 2,
      firstLine: 5,
      lines: [{ n: 5, at: 999, stderr: true, partial: false, text: 'hi' }]
    });
  });

  it('keep going where the text is not UTF-8', () => {
    const buffer = encodeFrame(1, [line(0, 'ab')]);
    new Uint8Array(buffer).set([0xff], buffer.byteLength - 1);
    expect(decodeFrame(buffer)?.lines[0]?.text).toBe('a\ufffd');
  });

  it('do not join a character that two lines share the bytes of', () => {
    const buffer = encodeFrame(1, [line(0, 'ab'), line(1, 'cd')]);
    new Uint8Array(buffer).set([0xc3, 0xa9], buffer.byteLength - 3);
    expect(decodeFrame(buffer)?.lines.map((each) => each.text)).toEqual(['a\ufffd', '\ufffdd']);
  });

  it('of another kind are skipped', () => {
    expect(decodeFrame(new Uint8Array([9, 0, 0, 0, 0, 0, 0, 0]).buffer)).toBeNull();
  });

  it('that are cut off are refused', () => {
    const whole = encodeFrame(1, [line(0, 'hello'), line(1, 'world', { annotations: { a: 'b' } })]);
    for (let size = 0; size < whole.byteLength; size++) {
      expect(() => decodeFrame(whole.slice(0, size)), `${size} bytes`).toThrow();
    }
    expect(() => decodeFrame(new ArrayBuffer(3))).toThrow(FrameError);
  });
});
