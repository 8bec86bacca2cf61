import { describe, expect, it } from 'vitest';

import type { FeatureName } from './features.ts';
import {
  descriptorBlockLocation,
  descriptorBlocksOfGroup,
  hasSuperblockCopy,
  superblockBlock,
} from './geometry.ts';
import type { Superblock } from './superblock.ts';

/** 100 groups of 256 blocks of 1 KiB, 16 descriptors a block. */
function superblockWith(features: readonly FeatureName[], changes: Partial<Superblock> = {}) {
  return {
    features: new Set(features),
    blockBytes: 1024,
    clusterBlocks: 1,
    firstDataBlock: 1,
    blocksPerGroup: 256,
    blockCount: 25601,
    groupCount: 100,
    descriptorBytes: 64,
    descriptorBlocks: 7,
    reservedDescriptorBlocks: 3,
    firstMetaBlockGroup: 7,
    backupGroups: [0, 0],
    ...changes,
  } as unknown as Superblock;
}

function groupsWithCopy(superblock: Superblock): readonly number[] {
  return Array.from({ length: 100 }, (_, group) => group).filter((group) =>
    hasSuperblockCopy(superblock, group),
  );
}

describe('copies of the superblock', () => {
  it('lie in every group of old', () => {
    expect(groupsWithCopy(superblockWith([]))).toHaveLength(100);
  });
  it('lie in groups 0, 1 and powers of 3, 5 and 7 with sparse_super', () => {
    const groups = [0, 1, 3, 5, 7, 9, 25, 27, 49, 81];
    expect(groupsWithCopy(superblockWith(['sparse_super']))).toEqual(groups);
  });
  it('lie where sparse_super2 says', () => {
    const features: FeatureName[] = ['sparse_super', 'sparse_super2'];
    expect(groupsWithCopy(superblockWith(features, { backupGroups: [1, 99] }))).toEqual([0, 1, 99]);
    expect(groupsWithCopy(superblockWith(features))).toEqual([0]);
  });
  it('start their group, but for the primary', () => {
    const superblock = superblockWith(['sparse_super']);
    expect(superblockBlock(superblock, 0)).toBe(1);
    expect(superblockBlock(superblock, 3)).toBe(769);
    const bigalloc = superblockWith(['bigalloc'], { firstDataBlock: 0, clusterBlocks: 16 });
    expect(superblockBlock(bigalloc, 0)).toBe(1);
    expect(superblockBlock(bigalloc, 3)).toBe(768);
  });
});

describe('descriptor blocks', () => {
  it('follow every superblock, with room to grow', () => {
    const superblock = superblockWith(['sparse_super']);
    expect(descriptorBlocksOfGroup(superblock, 0)).toEqual({ firstBlock: 2, blockCount: 10 });
    expect(descriptorBlocksOfGroup(superblock, 3)).toEqual({ firstBlock: 770, blockCount: 10 });
    expect(descriptorBlocksOfGroup(superblock, 2).blockCount).toBe(0);
    expect(descriptorBlockLocation(superblock, 6)).toBe(8);
  });
  it('lie in the first, second and last group of their sixteen with meta_bg', () => {
    const superblock = superblockWith(['sparse_super', 'meta_bg'], { firstMetaBlockGroup: 0 });
    const groups = [0, 1, 2, 15, 16, 17, 31, 32].map((group) => ({
      group,
      ...descriptorBlocksOfGroup(superblock, group),
    }));
    expect(groups).toEqual([
      { group: 0, firstBlock: 2, blockCount: 1 },
      { group: 1, firstBlock: 258, blockCount: 1 },
      { group: 2, firstBlock: 513, blockCount: 0 },
      { group: 15, firstBlock: 3841, blockCount: 1 },
      { group: 16, firstBlock: 4097, blockCount: 1 },
      { group: 17, firstBlock: 4353, blockCount: 1 },
      { group: 31, firstBlock: 7937, blockCount: 1 },
      { group: 32, firstBlock: 8193, blockCount: 1 },
    ]);
    expect(descriptorBlockLocation(superblock, 0)).toBe(2);
    expect(descriptorBlockLocation(superblock, 1)).toBe(4097);
  });
  it('mix both layouts from s_first_meta_bg on', () => {
    const superblock = superblockWith(['sparse_super', 'meta_bg'], {
      firstMetaBlockGroup: 2,
      reservedDescriptorBlocks: 0,
    });
    expect(descriptorBlocksOfGroup(superblock, 3)).toEqual({ firstBlock: 770, blockCount: 2 });
    expect(descriptorBlocksOfGroup(superblock, 31).blockCount).toBe(0);
    expect(descriptorBlocksOfGroup(superblock, 33)).toEqual({ firstBlock: 8449, blockCount: 1 });
    // Group 49 is a power of 7, so its superblock comes first; its descriptors are in the third meta group.
    expect(descriptorBlocksOfGroup(superblock, 49)).toEqual({ firstBlock: 12546, blockCount: 1 });
    expect(descriptorBlockLocation(superblock, 1)).toBe(3);
    expect(descriptorBlockLocation(superblock, 2)).toBe(8193);
  });
});
