/** What passes through a copy: parts of the image in memory, several small ones to a buffer. */
import { PAGE_BYTES } from '../../native/pages.ts';
import { alignUp } from '../ranges/byte-range.ts';
import type { BufferPool, PooledBuffer } from './buffer-pool.ts';
import type { PlannedRange } from './copy-plan.ts';

/** Consecutive bytes of one range. */
export interface Piece {
  readonly range: PlannedRange;
  readonly startByte: number;
  readonly bytes: Uint8Array;
  /** To be given back to the pool once for each piece; `bytes` lie in it. */
  readonly buffer: PooledBuffer;
  readonly isLastOfRange: boolean;
}

/** Where a piece lies in the image and in its buffer. */
export interface PlacedPiece extends Omit<Piece, 'bytes' | 'buffer'> {
  readonly lengthBytes: number;
  readonly offset: number;
}

/** The pieces that share a buffer. */
export class PieceGroup {
  readonly placed: PlacedPiece[] = [];
  readonly #pool: BufferPool;
  #nextOffset = 0;

  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  /** Where in the buffer the next piece starts. */
  get nextOffset(): number {
    return this.#nextOffset;
  }

  hasRoomFor(lengthBytes: number): boolean {
    return this.#nextOffset + lengthBytes <= this.#pool.bufferBytes;
  }

  /** Behind the ones before, at a page of the buffer, since devices want that. */
  add(range: PlannedRange, startByte: number, lengthBytes: number): void {
    const offset = this.#nextOffset;
    const isLastOfRange = startByte + lengthBytes === range.endByte;
    this.placed.push({ range, startByte, lengthBytes, offset, isLastOfRange });
    this.#nextOffset = alignUp(offset + lengthBytes, PAGE_BYTES);
  }

  /** When the buffer holds what it should: each piece gets its share of it. */
  release(buffer: PooledBuffer): readonly Piece[] {
    buffer.holders += this.placed.length;
    this.#pool.give(buffer);
    return this.placed.map(({ range, startByte, lengthBytes, offset, isLastOfRange }) => ({
      range,
      startByte,
      bytes: buffer.bytes.subarray(offset, offset + lengthBytes),
      buffer,
      isLastOfRange,
    }));
  }
}
