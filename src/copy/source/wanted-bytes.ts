import type { RangeSet } from '../../ranges/range-set.ts';

/** What of an image its reader looks at. */
export interface WantedRanges {
  readonly ranges: RangeSet;
  /**
   * The reader knows a checksum of every byte of them, and compares it. Then the source may leave out
   * checks that cover bytes outside of them as well.
   */
  readonly areVerified: boolean;
}

/** Which bytes of an image its reader looks at. All of them, until a reader says otherwise. */
export class WantedBytes {
  #wanted: WantedRanges | undefined;

  /** From here on only these. Bytes that were read before count for nothing. */
  limitTo(wanted: WantedRanges): void {
    this.#wanted = wanted;
  }

  /** False only if no byte of the range will be looked at. */
  mayInclude(startByte: number, endByte: number): boolean {
    return this.#wanted?.ranges.intersects(startByte, endByte) ?? true;
  }

  /** Whether the reader verifies by itself all that it looks at. */
  get areVerified(): boolean {
    return this.#wanted?.areVerified ?? false;
  }
}
