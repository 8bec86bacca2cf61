/**
 * Decodes one block of bzip2 by itself: in a stream that is made for it, with a header before its bits
 * and the end mark behind them. The library then checks the block's CRC and that it ends where the bits
 * do.
 */
import type { Bzip2Library, Bzip2Stream } from '../../../../native/bzip2.ts';
import { NativeDecodeError } from '../../../../native/decoder.ts';
import { copyBits, readBits } from './bits.ts';
import { CRC_BITS, END_MARK, HEADER_BYTES, MARK_BITS, type Segment } from './bzip2-segments.ts';
import { OUTPUT_BYTES } from './decoder.ts';

/**
 * A block of 900 kB may become 46 MB, so decoding pauses where the memory of so much is full. Hardly
 * any block of data gets there, and zeros take one piece, however many they are.
 */
export const PAUSE_BYTES = 2 * OUTPUT_BYTES;

/** How far decoding came. */
export interface BlockStep {
  /** Never written again. The same piece may stand here many times. */
  readonly pieces: readonly Uint8Array[];
  /**
   * `paused`: more follows. `short`: the bits are too few, or what follows them is part of the block.
   * `refused`: the bits are damaged.
   */
  readonly state: 'paused' | 'complete' | 'short' | 'refused';
  /** What the library said to bits that were refused, and may have said where they are too few. */
  readonly error?: NativeDecodeError;
}

/** A stream with one block. */
export interface BlockStream {
  readonly bytes: Uint8Array;
  /** The block's own bytes, without the one that the end mark starts in. */
  readonly bodyBytes: number;
  /** Of the block, and so of the stream. */
  readonly crc: number;
}

/** The block may have been cut in parts. If the last of them ends at no mark, nor does the stream. */
export function makeBlockStream(parts: readonly Segment[], level: number): BlockStream {
  const blockBits = parts.reduce((sum, { bitCount }) => sum + bitCount, 0);
  const endBit = HEADER_BYTES * 8 + blockBits;
  const bodyBytes = endBit >>> 3;
  const bytes = new Uint8Array(Math.ceil((endBit + MARK_BITS + CRC_BITS) / 8));
  bytes.set(Buffer.from(`BZh${level}`, 'latin1'));
  let atBit = HEADER_BYTES * 8;
  for (const part of parts) {
    copyBits(part.bytes, part.firstBit, part.bitCount, bytes, atBit);
    atBit += part.bitCount;
  }
  const crc = readBits(bytes, HEADER_BYTES * 8 + MARK_BITS, CRC_BITS);
  if (parts.at(-1)!.end !== 'mark') return { bytes: bytes.subarray(0, bodyBytes), bodyBytes, crc };
  const tail = Buffer.alloc((MARK_BITS + CRC_BITS) / 8);
  tail.writeUIntBE(END_MARK, 0, MARK_BITS / 8);
  tail.writeUInt32BE(crc, MARK_BITS / 8);
  copyBits(tail, 0, MARK_BITS + CRC_BITS, bytes, endBit);
  return { bytes, bodyBytes, crc };
}

/** To be closed, unless it has come to an end. */
export class BlockDecoder {
  readonly #stream: Bzip2Stream;
  /** Not taken yet. */
  #input: Uint8Array;
  /** Comes after `#input`; what the library says from here on may be due to a false mark. */
  #tail: Uint8Array | undefined;
  #output = Buffer.allocUnsafeSlow(OUTPUT_BYTES);
  #filledBytes = 0;
  #last: Buffer | undefined;

  constructor(library: Bzip2Library, { bytes, bodyBytes }: Omit<BlockStream, 'crc'>) {
    this.#stream = library.openStream();
    this.#input = bytes.subarray(0, bodyBytes);
    this.#tail = bytes.subarray(bodyBytes);
  }

  close(): void {
    this.#stream.close();
  }

  /** Goes on until there is something to say. @throws {NativeDecodeError} without memory. */
  async advance(): Promise<BlockStep> {
    const pieces: Uint8Array[] = [];
    try {
      const state = await this.#fill(pieces);
      if (state !== 'paused') this.close();
      return { pieces, state };
    } catch (error) {
      this.close();
      if (!(error instanceof NativeDecodeError) || error.kind !== 'damaged') throw error;
      return { pieces, state: this.#tail === undefined ? 'short' : 'refused', error };
    }
  }

  async #fill(pieces: Uint8Array[]): Promise<Exclude<BlockStep['state'], 'refused'>> {
    let freshBytes = 0;
    while (freshBytes < PAUSE_BYTES) {
      const room = this.#output.subarray(this.#filledBytes);
      const step = await this.#stream.step(this.#input, room);
      this.#input = this.#input.subarray(step.consumedBytes);
      this.#filledBytes += step.producedBytes;
      if (this.#filledBytes === OUTPUT_BYTES) freshBytes += this.#takePiece(pieces);
      if (step.isComplete) {
        if (this.#filledBytes > 0) pieces.push(this.#output.subarray(0, this.#filledBytes));
        return 'complete';
      }
      if (step.producedBytes === room.length) continue;
      if (this.#tail === undefined) return 'short';
      this.#input = this.#tail;
      this.#tail = undefined;
    }
    return 'paused';
  }

  /** @returns how much memory the piece takes that others do not take. */
  #takePiece(pieces: Uint8Array[]): number {
    const piece = this.#output;
    this.#filledBytes = 0;
    if (this.#last !== undefined && piece.equals(this.#last)) {
      pieces.push(this.#last);
      return 0;
    }
    pieces.push(piece);
    this.#last = piece;
    this.#output = Buffer.allocUnsafeSlow(OUTPUT_BYTES);
    return OUTPUT_BYTES;
  }
}
