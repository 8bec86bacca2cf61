/** Makes the block map of an image of which the bytes worth keeping are known. */
import type { RangeSet } from '../ranges/range-set.ts';
import { countBlocks, countMappedBlocks, toBlockRanges, type Bmap } from './bmap.ts';
import { hashRanges } from './hash-ranges.ts';

/** The version of the file format, and the digest, that every reader of maps understands. */
const VERSION = '2.0';
const CHECKSUM_TYPE = 'sha256';

export interface BuildBmapOptions {
  /** The image, open for reading until the promise is settled. */
  readonly fileDescriptor: number;
  readonly path: string;
  readonly imageSizeBytes: number;
  readonly blockSizeBytes: number;
  /** Grown to whole blocks, so that no byte of it is left out. */
  readonly mapped: RangeSet;
  /** True to hash every mapped range; otherwise the map has no checksums but that of the file. */
  readonly withChecksums: boolean;
  readonly onProgress?: (bytesDone: number, bytesTotal: number) => void;
  readonly signal?: AbortSignal;
}

/** @throws {SystemError} if the image cannot be read, or ends before `imageSizeBytes`. */
export async function buildBmap(options: BuildBmapOptions): Promise<Bmap> {
  const { imageSizeBytes, blockSizeBytes, onProgress, signal } = options;
  const aligned = options.mapped.alignOut(blockSizeBytes, imageSizeBytes);
  const blockRanges = toBlockRanges(aligned, blockSizeBytes);
  const bytesTotal = aligned.lengthBytes;
  const checksums = options.withChecksums
    ? await hashRanges({
        fileDescriptor: options.fileDescriptor,
        path: options.path,
        ranges: aligned,
        sizeBytes: imageSizeBytes,
        algorithm: CHECKSUM_TYPE,
        ...(onProgress && { onProgress: (bytesDone) => onProgress(bytesDone, bytesTotal) }),
        ...(signal && { signal }),
      })
    : undefined;
  return {
    version: VERSION,
    imageSizeBytes,
    blockSizeBytes,
    blockCount: countBlocks(imageSizeBytes, blockSizeBytes),
    mappedBlockCount: countMappedBlocks(blockRanges),
    checksumType: CHECKSUM_TYPE,
    ranges: blockRanges.map((range, index) => ({
      ...range,
      ...(checksums && { checksum: checksums[index]! }),
    })),
  };
}
