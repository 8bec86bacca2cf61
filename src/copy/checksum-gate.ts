/**
 * Between reading and writing: a range of up to 8 MiB passes only when all of it has been hashed and is
 * right; of a longer one the last 8 MiB wait for the digest. So damage is found before it is written, or
 * the range stays visibly incomplete.
 */
import { createHash, hash, type Hash } from 'node:crypto';

import { MismatchError } from '../errors/errors.ts';
import type { CopyPlan } from './copy-plan.ts';
import type { Piece } from './piece.ts';

const WITHHELD_BYTES = 8 * 2 ** 20;

export interface GateFacts extends Pick<CopyPlan, 'digest' | 'blockSizeBytes'> {
  /** For messages. */
  readonly sourceName: string;
}

export class ChecksumGate {
  readonly #facts: GateFacts;
  #withheld: Piece[] = [];
  #withheldBytes = 0;
  #hash: Hash | undefined;

  constructor(facts: GateFacts) {
    this.#facts = facts;
  }

  /**
   * Takes the next piece of the image.
   * @returns the pieces that may be written now, in order.
   * @throws {MismatchError} kind `range-checksum` if the range it ends is not what the map says.
   */
  pass(piece: Piece): readonly Piece[] {
    const { checksum } = piece.range;
    const { digest } = this.#facts;
    if (checksum === undefined || digest === undefined) return [piece];
    if (this.#hash === undefined && piece.isLastOfRange) {
      const calculated = hash(digest, piece.bytes, 'hex');
      if (calculated !== checksum) throw this.#mismatch(piece, calculated, checksum);
      return [piece];
    }
    this.#hash ??= createHash(digest);
    this.#hash.update(piece.bytes);
    this.#withheld.push(piece);
    this.#withheldBytes += piece.bytes.length;
    if (!piece.isLastOfRange) return this.#releaseSurplus();

    const calculated = this.#hash.digest('hex');
    this.#hash = undefined;
    if (calculated !== checksum) throw this.#mismatch(piece, calculated, checksum);
    const released = this.#withheld;
    this.#withheld = [];
    this.#withheldBytes = 0;
    return released;
  }

  #releaseSurplus(): readonly Piece[] {
    const released: Piece[] = [];
    for (;;) {
      const oldest = this.#withheld[0];
      if (oldest === undefined) return released;
      if (this.#withheldBytes - oldest.bytes.length < WITHHELD_BYTES) return released;
      this.#withheldBytes -= oldest.bytes.length;
      this.#withheld.shift();
      released.push(oldest);
    }
  }

  #mismatch({ range }: Piece, calculated: string, checksum: string): MismatchError {
    const { blockSizeBytes, sourceName } = this.#facts;
    const firstBlock = Math.floor(range.startByte / blockSizeBytes);
    const lastBlock = Math.ceil(range.endByte / blockSizeBytes) - 1;
    return new MismatchError(
      'range-checksum',
      `checksum mismatch for blocks range ${firstBlock}-${lastBlock}: calculated ${calculated}, should be ${checksum} (image file ${sourceName})`,
    );
  }
}
