import { describe, expect, it } from 'vitest';

import type { ImageReader } from '../../image/image-reader.ts';
import { RangeSet } from '../../ranges/range-set.ts';
import { readFreeBlocks } from './free-blocks.ts';
import type { GroupTable } from './group-descriptors.ts';
import type { Superblock } from './superblock.ts';

const BLOCK_BYTES = 1024;
const BLOCKS_PER_GROUP = 8192;

/** Groups of 8 MiB whose bitmaps have every second bit set, and lie behind each other. */
function alternating(groupCount: number): [ImageReader, Superblock, GroupTable, number[]] {
  const superblock = {
    blockBytes: BLOCK_BYTES,
    clusterBlocks: 1,
    firstDataBlock: 1,
    blocksPerGroup: BLOCKS_PER_GROUP,
    clustersPerGroup: BLOCKS_PER_GROUP,
    groupCount,
    blockCount: 1 + groupCount * BLOCKS_PER_GROUP,
    checksumKind: 'none',
  } as Superblock;
  const groups = {
    blockBitmapBlock: Float64Array.from({ length: groupCount }, (_, group) => 100 + group),
    freeClusters: new Uint32Array(groupCount).fill(BLOCKS_PER_GROUP / 2),
    isBlockBitmapUnwritten: new Uint8Array(groupCount),
  } as unknown as GroupTable;
  const reads: number[] = [];
  const reader = {
    sizeBytes: superblock.blockCount * BLOCK_BYTES,
    readAt: (_startByte: number, lengthBytes: number): Uint8Array => {
      reads.push(lengthBytes);
      return new Uint8Array(lengthBytes).fill(0x55);
    },
  };
  return [reader, superblock, groups, reads];
}

describe('free blocks', () => {
  it('are read with few reads where bitmaps are neighbours', () => {
    const [reader, superblock, groups, reads] = alternating(20);
    groups.isBlockBitmapUnwritten[7] = 1;
    groups.freeClusters[7] = BLOCKS_PER_GROUP;
    const { contradictingGroups } = readFreeBlocks(
      reader,
      superblock,
      groups,
      RangeSet.empty,
      'strict',
    );
    expect(contradictingGroups).toEqual([]);
    expect(reads).toEqual([7 * BLOCK_BYTES, 12 * BLOCK_BYTES]);
  });

  it('are counted in no more runs than memory has room for', () => {
    // 4,096 runs in each group: the limit is reached after 257 of them.
    const [reader, superblock, groups] = alternating(600);
    const result = readFreeBlocks(reader, superblock, groups, RangeSet.empty, 'strict');
    expect(result.skippedGroupCount).toBe(343);
    expect(result.free.count).toBe(257 * 4096);
    expect(result.contradictingGroups).toEqual([]);
  });
});
