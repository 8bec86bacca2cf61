import type { RangeSet } from '../../ranges/range-set.ts';

/** Which bytes of an image its reader looks at. All of them, until a reader says otherwise. */
export class WantedBytes {
  #ranges: RangeSet | undefined;

  /** From here on only these. Bytes that were read before count for nothing. */
  limitTo(ranges: RangeSet): void {
    this.#ranges = ranges;
  }

  /** False only if no byte of the range will be looked at. */
  mayInclude(startByte: number, endByte: number): boolean {
    return this.#ranges?.intersects(startByte, endByte) ?? true;
  }
}
