import { assertInside, type ImageReader } from '../../../image/image-reader.ts';
import { JOURNAL_MAGIC } from './journal-superblock.ts';

/** A newer version of a block, kept elsewhere. */
export interface BlockCopy {
  /** In the reader that holds the copies. */
  readonly startByte: number;
  /** The first four bytes are zero there, and are the journal's magic number in truth. */
  readonly isEscaped: boolean;
}

/** A reader in which some blocks are replaced. Holds positions, not bytes. */
export class OverlayReader implements ImageReader {
  readonly sizeBytes: number;
  readonly #base: ImageReader;
  readonly #source: ImageReader;
  readonly #blockBytes: number;
  readonly #copies: ReadonlyMap<number, BlockCopy>;

  /** @param copies by block number of `base`. @param source what their positions are relative to. */
  constructor(
    base: ImageReader,
    source: ImageReader,
    blockBytes: number,
    copies: ReadonlyMap<number, BlockCopy>,
  ) {
    this.sizeBytes = base.sizeBytes;
    this.#base = base;
    this.#source = source;
    this.#blockBytes = blockBytes;
    this.#copies = copies;
  }

  readAt(startByte: number, lengthBytes: number): Uint8Array {
    assertInside(this.sizeBytes, startByte, lengthBytes);
    const result = this.#base.readAt(startByte, lengthBytes);
    const endByte = startByte + lengthBytes;
    const firstBlock = Math.floor(startByte / this.#blockBytes);
    for (let block = firstBlock; block * this.#blockBytes < endByte; block++) {
      const copy = this.#copies.get(block);
      if (copy === undefined) continue;
      const blockStart = block * this.#blockBytes;
      const from = Math.max(startByte, blockStart);
      const to = Math.min(endByte, blockStart + this.#blockBytes);
      const bytes = this.#readCopy(copy).subarray(from - blockStart, to - blockStart);
      result.set(bytes, from - startByte);
    }
    return result;
  }

  #readCopy({ startByte, isEscaped }: BlockCopy): Uint8Array {
    const bytes = this.#source.readAt(startByte, this.#blockBytes);
    if (isEscaped) new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, JOURNAL_MAGIC);
    return bytes;
  }
}
