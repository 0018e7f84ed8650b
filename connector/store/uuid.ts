// Identifiers: UUID version 7 (RFC 9562 §5.7), and 4 where many write at once. Those of version 7 grow with time, so that a list in their order is a list in order of
// creation: people who are added while a client pages come after its page, and no index is needed for it.

/** @param at milliseconds since the epoch @param random ten random bytes */
export function uuidv7(at: number, random: Uint8Array): string {
  if (random.length < 10) throw new RangeError('A UUID needs ten random bytes.');
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(at, 0, 6);
  bytes.set(random.subarray(0, 10), 6);
  return written(bytes, 7);
}

/**
 * UUID version 4 (§5.4), in no order: for rows that many change at once while they are new. Neighbours in an index would be in
 * each other's way. @param random sixteen random bytes
 */
export function uuidv4(random: Uint8Array): string {
  if (random.length < 16) throw new RangeError('A UUID needs sixteen random bytes.');
  return written(Buffer.from(random.subarray(0, 16)), 4);
}

function written(bytes: Buffer, version: number): string {
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | (version << 4);
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
