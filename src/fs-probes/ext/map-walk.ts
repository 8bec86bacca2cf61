import { CorruptError, type Place } from '../../errors/errors.ts';
import type { ImageReader } from '../../image/image-reader.ts';
import type { BlockRun } from './geometry.ts';
import type { Superblock } from './superblock.ts';

/** Blocks of a file that follow each other both in the file and on disk. */
export interface FileRun extends BlockRun {
  /** Position in the file, in blocks. */
  readonly logicalBlock: number;
}

export interface FileBlocks {
  /** Ascending by `logicalBlock`; gaps are holes. */
  readonly runs: readonly FileRun[];
  /** Blocks of the extent tree or of the block map itself. */
  readonly mapBlocks: readonly number[];
}

/** A journal of 128 GiB in pieces of 128 KiB. Bounds what a made-up map can cost. */
const MAX_PIECES = 2 ** 20;

/**
 * Guards a walk through the map of a file: every block must lie inside the filesystem and may be
 * visited once, so that a map that leads back to itself ends.
 */
export class MapWalk implements FileBlocks {
  readonly runs: FileRun[] = [];
  readonly mapBlocks: number[] = [];
  readonly #reader: ImageReader;
  readonly #superblock: Superblock;
  readonly #structure: string;
  readonly #visited = new Set<number>();

  constructor(reader: ImageReader, superblock: Superblock, structure: string) {
    this.#reader = reader;
    this.#superblock = superblock;
    this.#structure = structure;
  }

  /** Reads a block of the map itself. */
  readMapBlock(block: number): Uint8Array {
    if (this.#visited.has(block)) throw this.fault(`leads to block ${block} twice`);
    this.#checkInside(block, 1);
    this.#visited.add(block);
    this.#checkCount();
    this.mapBlocks.push(block);
    const { blockBytes } = this.#superblock;
    return this.#reader.readAt(block * blockBytes, blockBytes);
  }

  /** Adds blocks of the file. They must come in the order of the file. */
  addRun(logicalBlock: number, firstBlock: number, blockCount: number): void {
    this.#checkInside(firstBlock, blockCount);
    if (blockCount === 0) throw this.fault('holds a run of no blocks');
    const last = this.runs.at(-1);
    if (last === undefined) {
      this.runs.push({ logicalBlock, firstBlock, blockCount });
      return;
    }
    const logicalEnd = last.logicalBlock + last.blockCount;
    if (logicalBlock < logicalEnd)
      throw this.fault(`names block ${logicalBlock} of the file twice`);
    if (logicalBlock === logicalEnd && firstBlock === last.firstBlock + last.blockCount) {
      this.runs.pop();
      this.runs.push({ ...last, blockCount: last.blockCount + blockCount });
    } else {
      this.runs.push({ logicalBlock, firstBlock, blockCount });
      this.#checkCount();
    }
  }

  fault(message: string, block?: number): CorruptError {
    const place: Place = {
      structure: this.#structure,
      ...(block === undefined ? {} : { startByte: block * this.#superblock.blockBytes }),
    };
    return new CorruptError('bad-file-map', place, message);
  }

  #checkCount(): void {
    if (this.runs.length + this.mapBlocks.length > MAX_PIECES) {
      throw this.fault(`is in more than ${MAX_PIECES} pieces`);
    }
  }

  #checkInside(firstBlock: number, blockCount: number): void {
    const { firstDataBlock, blockCount: endBlock } = this.#superblock;
    if (firstBlock <= firstDataBlock || firstBlock + blockCount > endBlock) {
      throw this.fault(`leads to block ${firstBlock}, outside of the filesystem`);
    }
  }
}
