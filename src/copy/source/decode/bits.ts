/** Bits in the order of bzip2: the highest bit of a byte is its first. Bits are counted from byte 0. */

/** The number that `bitCount` bits form, at most 48 of them. */
export function readBits(bytes: Uint8Array, startBit: number, bitCount: number): number {
  let value = 0;
  const endBit = startBit + bitCount;
  for (let bit = startBit; bit < endBit;) {
    const inByte = bit & 7;
    const count = Math.min(8 - inByte, endBit - bit);
    const part = (bytes[bit >>> 3]! >> (8 - inByte - count)) & ((1 << count) - 1);
    // Not a shift, which would end at 32 bits.
    value = value * 2 ** count + part;
    bit += count;
  }
  return value;
}

/** Copies `bitCount` bits to a place whose bits are zero. */
export function copyBits(
  from: Uint8Array,
  fromBit: number,
  bitCount: number,
  to: Uint8Array,
  toBit: number,
): void {
  // Up to the next byte of `to`, then whole bytes of it, then what is left.
  const headBits = Math.min(-toBit & 7, bitCount);
  putBits(to, toBit, headBits, readBits(from, fromBit, headBits));
  const byteCount = (bitCount - headBits) >>> 3;
  copyBytes(from, fromBit + headBits, byteCount, to, (toBit + headBits) >>> 3);
  const doneBits = headBits + byteCount * 8;
  const tailBits = bitCount - doneBits;
  putBits(to, toBit + doneBits, tailBits, readBits(from, fromBit + doneBits, tailBits));
}

/** Within one byte. */
function putBits(to: Uint8Array, startBit: number, bitCount: number, value: number): void {
  if (bitCount > 0) to[startBit >>> 3]! |= value << (8 - (startBit & 7) - bitCount);
}

function copyBytes(
  from: Uint8Array,
  fromBit: number,
  byteCount: number,
  to: Uint8Array,
  toByte: number,
): void {
  const fromByte = fromBit >>> 3;
  const shift = fromBit & 7;
  if (shift === 0) {
    to.set(from.subarray(fromByte, fromByte + byteCount), toByte);
    return;
  }
  // Four bytes at a time, then one.
  const source = new DataView(from.buffer, from.byteOffset + fromByte, byteCount + 1);
  const target = new DataView(to.buffer, to.byteOffset + toByte, byteCount);
  let index = 0;
  for (; index + 4 <= byteCount; index += 4) {
    const next = source.getUint8(index + 4);
    target.setInt32(index, (source.getInt32(index) << shift) | (next >> (8 - shift)));
  }
  for (; index < byteCount; index++) {
    const next = source.getUint8(index + 1);
    target.setInt8(index, (source.getUint8(index) << shift) | (next >> (8 - shift)));
  }
}
