/**
 * Where block groups lie and which of them hold copies of the superblock and of the descriptors.
 *
 * Linux: fs/ext4/balloc.c, `ext4_bg_has_super`, `ext4_bg_num_gdb`; fs/ext4/super.c, `descriptor_loc`.
 */
import type { Superblock } from './superblock.ts';

/** A run of blocks, half-open by length. */
export interface BlockRun {
  readonly firstBlock: number;
  readonly blockCount: number;
}

export function firstBlockOfGroup(superblock: Superblock, group: number): number {
  return superblock.firstDataBlock + group * superblock.blocksPerGroup;
}

/** The blocks of a group. The last one may be short. */
export function blocksOfGroup(superblock: Superblock, group: number): BlockRun {
  const firstBlock = firstBlockOfGroup(superblock, group);
  return {
    firstBlock,
    blockCount: Math.min(superblock.blocksPerGroup, superblock.blockCount - firstBlock),
  };
}

/** The block that holds byte 1024, where the primary superblock is. */
export function primarySuperblockBlock(superblock: Superblock): number {
  return superblock.blockBytes === 1024 ? 1 : 0;
}

export function hasSuperblockCopy(superblock: Superblock, group: number): boolean {
  if (group === 0) return true;
  if (superblock.features.has('sparse_super2')) return superblock.backupGroups.includes(group);
  if (group === 1 || !superblock.features.has('sparse_super')) return true;
  return isPowerOf(3, group) || isPowerOf(5, group) || isPowerOf(7, group);
}

/** The block of the superblock, or of its copy, in a group that has one. */
export function superblockBlock(superblock: Superblock, group: number): number {
  return group === 0 ? primarySuperblockBlock(superblock) : firstBlockOfGroup(superblock, group);
}

/** Where the primary copy of a descriptor block lies. */
export function descriptorBlockLocation(superblock: Superblock, index: number): number {
  if (index < superblock.firstMetaBlockGroup) return primarySuperblockBlock(superblock) + 1 + index;
  return metaDescriptorBlock(superblock, index * descriptorsPerBlock(superblock));
}

/** Descriptor blocks in a group, copies included, and the room kept behind them for growing. */
export function descriptorBlocksOfGroup(superblock: Superblock, group: number): BlockRun {
  const perBlock = descriptorsPerBlock(superblock);
  const metaGroup = Math.floor(group / perBlock);
  if (metaGroup < superblock.firstMetaBlockGroup) {
    return {
      firstBlock: superblockBlock(superblock, group) + 1,
      blockCount: hasSuperblockCopy(superblock, group)
        ? superblock.firstMetaBlockGroup + superblock.reservedDescriptorBlocks
        : 0,
    };
  }
  const indexInMetaGroup = group % perBlock;
  const hasCopy = indexInMetaGroup < 2 || indexInMetaGroup === perBlock - 1;
  return { firstBlock: metaDescriptorBlock(superblock, group), blockCount: hasCopy ? 1 : 0 };
}

export function descriptorsPerBlock(superblock: Superblock): number {
  return superblock.blockBytes / superblock.descriptorBytes;
}

/** Under meta_bg a descriptor block lies at the start of its group, behind the superblock if any. */
function metaDescriptorBlock(superblock: Superblock, group: number): number {
  return hasSuperblockCopy(superblock, group)
    ? superblockBlock(superblock, group) + 1
    : firstBlockOfGroup(superblock, group);
}

function isPowerOf(base: number, value: number): boolean {
  let power = base;
  while (power < value) power *= base;
  return power === value;
}
