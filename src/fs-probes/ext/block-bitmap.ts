/**
 * Block bitmaps: one block per group, bit n (least significant first) is cluster n of the group, a
 * set bit is used. Bits behind the end of a short last group are padding.
 */

/** Calls `emit` for every run of zero bits among the first `bitCount`, in ascending order. */
export function forEachZeroRun(
  bitmap: Uint8Array,
  bitCount: number,
  emit: (startBit: number, endBit: number) => void,
): void {
  const view = new DataView(bitmap.buffer, bitmap.byteOffset, bitmap.length);
  let at = 0;
  while (at < bitCount) {
    const startBit = findBit(view, at, bitCount, 0);
    if (startBit === bitCount) return;
    const endBit = findBit(view, startBit, bitCount, 1);
    emit(startBit, endBit);
    at = endBit;
  }
}

/**
 * The position of the first bit from `fromBit` on that has the value `wanted`, or `bitCount`. Looks at
 * 32 bits a step: a bitmap has a multiple of 1,024 bytes.
 */
function findBit(view: DataView, fromBit: number, bitCount: number, wanted: 0 | 1): number {
  const flip = wanted === 1 ? 0 : -1;
  const lastWord = (bitCount - 1) >>> 5;
  let word = fromBit >>> 5;
  let bits = (view.getInt32(word * 4, true) ^ flip) & (-1 << (fromBit & 31));
  while (bits === 0 && word < lastWord) {
    word++;
    bits = view.getInt32(word * 4, true) ^ flip;
  }
  if (bits === 0) return bitCount;
  const lowestBit = 31 - Math.clz32(bits & -bits);
  return Math.min(word * 32 + lowestBit, bitCount);
}
