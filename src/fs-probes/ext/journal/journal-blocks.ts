/** Access to a journal by its own block numbers, wherever the blocks lie. */
import { CorruptError } from '../../../errors/errors.ts';
import type { ImageReader } from '../../../image/image-reader.ts';
import type { FileRun } from '../map-walk.ts';

export class JournalBlocks {
  /** What the positions of this journal are relative to. */
  readonly reader: ImageReader;
  readonly blockBytes: number;
  readonly blockCount: number;
  readonly #runs: readonly FileRun[];

  /** @param runs ascending; every block must lie inside the reader. */
  constructor(
    reader: ImageReader,
    blockBytes: number,
    blockCount: number,
    runs: readonly FileRun[],
  ) {
    this.reader = reader;
    this.blockBytes = blockBytes;
    this.blockCount = blockCount;
    this.#runs = runs;
  }

  /** @throws {CorruptError} kind `bad-journal` if the journal has a hole there or ends before. */
  startByteOf(block: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const run = this.#runs[middle]!;
      if (block >= run.logicalBlock + run.blockCount) low = middle + 1;
      else high = middle;
    }
    const run = this.#runs[low];
    if (run === undefined || block < run.logicalBlock || block >= this.blockCount) {
      throw new CorruptError(
        'bad-journal',
        { structure: 'jbd2 journal' },
        `block ${block} is missing`,
      );
    }
    return (run.firstBlock + block - run.logicalBlock) * this.blockBytes;
  }

  read(block: number): Uint8Array {
    return this.reader.readAt(this.startByteOf(block), this.blockBytes);
  }
}
