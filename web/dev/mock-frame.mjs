// Lines as they go over the socket: docs/protocol.md, “Binary frame”.

export function frame(ch, lines) {
  const texts = lines.map((line) => Buffer.from(line.text));
  const extras = lines.map((line) => (line.annotations || line.changedBy ? Buffer.from(JSON.stringify({ a: line.annotations, c: line.changedBy })) : null));
  const heads = Buffer.alloc(28 + lines.length * 9);
  heads[0] = 1;
  heads.writeUInt32LE(ch, 4);
  heads.writeBigUInt64LE(BigInt(lines[0].n), 8);
  heads.writeUInt32LE(lines.length, 16);
  heads.writeBigInt64LE(BigInt(lines[0].at), 20);
  lines.forEach((line, i) => {
    heads.writeUInt32LE(texts[i].length, 28 + i * 9);
    heads.writeInt32LE(i ? line.at - lines[i - 1].at : 0, 32 + i * 9);
    heads[36 + i * 9] = (line.stderr ? 1 : 0) | (line.partial ? 2 : 0) | (extras[i] ? 4 : 0);
  });
  const sized = extras.filter(Boolean).flatMap((extra) => { const length = Buffer.alloc(4); length.writeUInt32LE(extra.length); return [length, extra]; });
  return Buffer.concat([heads, ...sized, ...texts]);
}
