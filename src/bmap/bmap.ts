/**
 * A block map: which blocks of an image hold something, and the checksum of each run of them.
 *
 * This model and the XML are the only places where block numbers and inclusive ends exist; everything
 * else in the program speaks of half-open byte ranges. The two conversions are here. The last block
 * counts as a whole block even where the image ends inside it, but only the bytes that exist are
 * hashed and copied. Format: docs/formats/bmap.md.
 */
import { alignUp } from '../ranges/byte-range.ts';
import { RangeSetBuilder, type RangeSet } from '../ranges/range-set.ts';

/** A run of mapped blocks, both ends inclusive as in the XML. */
export interface BmapRange {
  /** Counted from 0, in blocks of the map. */
  readonly firstBlock: number;
  /** The last one that is mapped; equal to `firstBlock` for a single block. */
  readonly lastBlock: number;
  /** Lower-case hex digest of the bytes of these blocks that exist in the image. */
  readonly checksum?: string;
}

/** A block map, as `parseBmap` and `mapImage` make it and `formatBmap` writes it. */
export interface Bmap {
  /** `major.minor` of the file format. */
  readonly version: string;
  /** The size of the image; need not be whole blocks. */
  readonly imageSizeBytes: number;
  /** The unit of the ranges. */
  readonly blockSizeBytes: number;
  /** All blocks of the image, a short last one included. */
  readonly blockCount: number;
  /** The sum of the lengths of the ranges, in blocks. */
  readonly mappedBlockCount: number;
  /** The name of the digest of all checksums, as the file spells it; absent before version 1.3 if there are none. */
  readonly checksumType?: string;
  /** Ascending and disjoint. */
  readonly ranges: readonly BmapRange[];
}

/** A broken invariant, and where it shows: in a range, counted from 0, or in an element of the file. */
export type BmapFault = { readonly kind: string; readonly text: string } & (
  { readonly rangeIndex: number } | { readonly rangeIndex?: never; readonly element: string }
);

/**
 * The first broken invariant of a map, or undefined: whole positive sizes, counts that fit the image
 * size and the ranges, ranges ascending, disjoint and inside the image.
 */
export function findBmapFault(bmap: Bmap): BmapFault | undefined {
  return findHeaderFault(bmap) ?? findRangeFault(bmap) ?? findCountFault(bmap);
}

function findHeaderFault(bmap: Bmap): BmapFault | undefined {
  const { imageSizeBytes, blockSizeBytes, blockCount } = bmap;
  if (!Number.isSafeInteger(imageSizeBytes) || imageSizeBytes < 1) {
    return {
      kind: 'image-size',
      text: `an image of ${imageSizeBytes} bytes`,
      element: 'ImageSize',
    };
  }
  if (!Number.isSafeInteger(blockSizeBytes) || blockSizeBytes < 1) {
    return { kind: 'block-size', text: `blocks of ${blockSizeBytes} bytes`, element: 'BlockSize' };
  }
  const expected = countBlocks(imageSizeBytes, blockSizeBytes);
  if (blockCount !== expected) {
    const text = `BlocksCount is ${blockCount}, but ${imageSizeBytes} bytes in blocks of ${blockSizeBytes} are ${expected}`;
    return { kind: 'block-count', text, element: 'BlocksCount' };
  }
  return undefined;
}

function findRangeFault(bmap: Bmap): BmapFault | undefined {
  let nextBlock = 0;
  for (const [rangeIndex, { firstBlock, lastBlock, checksum }] of bmap.ranges.entries()) {
    const name = `range ${firstBlock}-${lastBlock}`;
    if (!Number.isSafeInteger(firstBlock) || !Number.isSafeInteger(lastBlock) || firstBlock < 0) {
      return { kind: 'range-number', text: `${name} is not made of block numbers`, rangeIndex };
    }
    if (lastBlock < firstBlock) {
      return { kind: 'range-reversed', text: `${name} ends before it starts`, rangeIndex };
    }
    if (firstBlock < nextBlock) {
      const text = `${name} overlaps or precedes the range before it, which ends at block ${nextBlock - 1}`;
      return { kind: 'range-order', text, rangeIndex };
    }
    if (lastBlock >= bmap.blockCount) {
      const text = `${name} goes past the end of the image, which has ${bmap.blockCount} blocks`;
      return { kind: 'range-past-end', text, rangeIndex };
    }
    if (checksum !== undefined && !/^[0-9a-f]+$/.test(checksum)) {
      return { kind: 'range-checksum', text: `the checksum of ${name} is not hex`, rangeIndex };
    }
    nextBlock = lastBlock + 1;
  }
  return undefined;
}

function findCountFault(bmap: Bmap): BmapFault | undefined {
  const counted = countMappedBlocks(bmap.ranges);
  if (bmap.mappedBlockCount === counted) return undefined;
  const text = `MappedBlocksCount is ${bmap.mappedBlockCount}, but the ranges hold ${counted} blocks`;
  return { kind: 'mapped-block-count', text, element: 'MappedBlocksCount' };
}

/** The number of blocks of an image; the last one may be short. */
export function countBlocks(imageSizeBytes: number, blockSizeBytes: number): number {
  return Math.ceil(imageSizeBytes / blockSizeBytes);
}

/** The sum of the lengths of the ranges, in blocks. */
export function countMappedBlocks(ranges: readonly BmapRange[]): number {
  return ranges.reduce((sum, range) => sum + range.lastBlock - range.firstBlock + 1, 0);
}

/**
 * The block ranges of byte ranges that are aligned to blocks, in the same order and number. An end
 * that is not aligned is the end of the image, and its block is counted whole.
 * @throws {RangeError} if a start is not aligned, or if only one block holds two ranges.
 */
export function toBlockRanges(
  ranges: RangeSet,
  blockSizeBytes: number,
): readonly { firstBlock: number; lastBlock: number }[] {
  const result = [];
  let nextBlock = 0;
  for (const { startByte, endByte } of ranges) {
    const firstBlock = startByte / blockSizeBytes;
    if (!Number.isInteger(firstBlock) || firstBlock < nextBlock) {
      throw new RangeError(`bytes ${startByte} to ${endByte} are not aligned to blocks`);
    }
    nextBlock = alignUp(endByte, blockSizeBytes) / blockSizeBytes;
    result.push({ firstBlock, lastBlock: nextBlock - 1 });
  }
  return result;
}

/** The bytes that a map's ranges stand for, the last block cut at the image's end. Neighbours are merged. */
export function toByteRanges(bmap: Bmap): RangeSet {
  const builder = new RangeSetBuilder();
  for (const range of bmap.ranges) {
    const { startByte, endByte } = toByteRange(bmap, range);
    builder.add(startByte, endByte);
  }
  return builder.build();
}

/** The bytes of one range, which its checksum covers. */
export function toByteRange(
  bmap: Bmap,
  range: BmapRange,
): { readonly startByte: number; readonly endByte: number } {
  return {
    startByte: range.firstBlock * bmap.blockSizeBytes,
    endByte: Math.min((range.lastBlock + 1) * bmap.blockSizeBytes, bmap.imageSizeBytes),
  };
}
