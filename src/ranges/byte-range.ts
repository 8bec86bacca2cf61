/** Half-open: `startByte` is inside, `endByte` is not. Inclusive block numbers exist only in bmap XML. */
export interface ByteRange {
  /** The first byte inside. */
  readonly startByte: number;
  /** The first byte behind it. */
  readonly endByte: number;
}

/** The largest multiple of `unitBytes` that is not above `byte`. Any unit, not only powers of two. */
export function alignDown(byte: number, unitBytes: number): number {
  return byte - (byte % unitBytes);
}

/** The smallest multiple of `unitBytes` that is not below `byte`. */
export function alignUp(byte: number, unitBytes: number): number {
  return alignDown(byte + unitBytes - 1, unitBytes);
}
