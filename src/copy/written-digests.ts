/**
 * What was written, remembered as digests of up to 8 MiB each: enough to find what a device lost or
 * changed, and small enough to be written again. A terabyte needs 131,072 of them.
 */
import { createHash, type Hash } from 'node:crypto';

import type { ByteRange } from '../ranges/byte-range.ts';
import type { Piece } from './piece.ts';

/** A multiple of the pieces, so that a unit ends where a piece does. */
const UNIT_BYTES = 8 * 2 ** 20;
const ALGORITHM = 'sha256';

export interface WrittenUnit extends ByteRange {
  readonly digest: Uint8Array;
}

export class WrittenDigests {
  readonly #units: WrittenUnit[] = [];
  readonly #cutByte: number;
  #hash: Hash | undefined;
  #startByte = 0;
  #endByte = 0;

  /** No unit goes across `cutByte`. */
  constructor(cutByte = Infinity) {
    this.#cutByte = cutByte;
  }

  /** Takes pieces in the order of the image. */
  add({ bytes, startByte }: Pick<Piece, 'bytes' | 'startByte'>): void {
    const beforeCut = this.#cutByte - startByte;
    if (beforeCut > 0 && beforeCut < bytes.length) {
      this.#add(bytes.subarray(0, beforeCut), startByte);
      this.#add(bytes.subarray(beforeCut), this.#cutByte);
    } else {
      this.#add(bytes, startByte);
    }
  }

  /** All units, when the last piece has been added. */
  finish(): readonly WrittenUnit[] {
    this.#closeUnit();
    return this.#units;
  }

  #add(bytes: Uint8Array, startByte: number): void {
    const isFull = this.#endByte - this.#startByte + bytes.length > UNIT_BYTES;
    if (startByte !== this.#endByte || startByte === this.#cutByte || isFull) this.#closeUnit();
    if (this.#hash === undefined) {
      this.#hash = createHash(ALGORITHM);
      this.#startByte = startByte;
    }
    this.#hash.update(bytes);
    this.#endByte = startByte + bytes.length;
  }

  #closeUnit(): void {
    if (this.#hash === undefined) return;
    const digest = this.#hash.digest();
    this.#units.push({ startByte: this.#startByte, endByte: this.#endByte, digest });
    this.#hash = undefined;
  }
}

/** The digest of a unit's bytes, fed piece by piece. */
export function startUnitHash(): Hash {
  return createHash(ALGORITHM);
}
