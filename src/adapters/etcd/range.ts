/** The first key after every key with the prefix: the prefix with its last byte that can grow grown by one. */
export function endOfPrefix(prefix: string): Buffer {
  const bytes = Buffer.from(prefix);
  for (let at = bytes.length - 1; at >= 0; at -= 1) {
    const byte = bytes[at] ?? 0xff;
    if (byte === 0xff) continue;
    const end = Buffer.from(bytes.subarray(0, at + 1));
    end[at] = byte + 1;
    return end;
  }
  return Buffer.from([0]); // To the end of all keys.
}
