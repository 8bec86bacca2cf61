/**
 * What the superblock says about the sizes and numbers of blocks, groups, inodes and descriptors.
 * Limits as the kernel has them when it mounts: Linux: fs/ext4/super.c.
 */
import { joinHalves, toSafeNumber } from '../../bytes/safe-number.ts';
import { CorruptError, UnsupportedError, type Place } from '../../errors/errors.ts';
import type { FeatureName } from './features.ts';
import type { RawSuperblock } from './superblock-layout.ts';

/**
 * More groups than 128 TiB of 4 KiB blocks have. Descriptors take 37 bytes of memory each, so this
 * also bounds what a made-up block count can cost.
 */
const MAX_GROUPS = 2 ** 20;
/** Linux: `EXT4_MAX_CLUSTER_LOG_SIZE` is 30, counted from single bytes. */
const MAX_LOG_CLUSTER_SIZE = 20;
/** A descriptor is never larger than the smallest block. */
const MAX_DESCRIPTOR_BYTES = 1024;

export interface BlockGeometry {
  readonly blockBytes: number;
  readonly blockCount: number;
  /** Blocks per bitmap bit: 1, or with bigalloc some power of two. */
  readonly clusterBlocks: number;
  /** The block that group 0 starts at: 1 only where blocks and clusters have 1 KiB. */
  readonly firstDataBlock: number;
  readonly blocksPerGroup: number;
  readonly clustersPerGroup: number;
  readonly groupCount: number;
}

export interface InodeGeometry {
  readonly inodesPerGroup: number;
  readonly inodeBytes: number;
  /** Per group. */
  readonly inodeTableBlocks: number;
}

export interface DescriptorGeometry {
  readonly descriptorBytes: number;
  /** Blocks that the descriptors of all groups take. */
  readonly descriptorBlocks: number;
  /** Blocks kept behind the descriptors, for growing. */
  readonly reservedDescriptorBlocks: number;
  /** Descriptor blocks from this one on are laid out by meta_bg; without it, none of them. */
  readonly firstMetaBlockGroup: number;
  /** The two groups with copies under sparse_super2; 0 is none. */
  readonly backupGroups: readonly [number, number];
  /** Block of the multi-mount protection record; 0 is none. */
  readonly mmpBlock: number;
}

type Features = ReadonlySet<FeatureName>;

/**
 * @throws {CorruptError} kind `bad-geometry`.
 * @throws {UnsupportedError} kind `too-many-groups`.
 */
export function readBlockGeometry(
  raw: RawSuperblock,
  features: Features,
  place: Place,
): BlockGeometry {
  if (raw.s_log_block_size > 6) {
    throw new CorruptError('bad-geometry', place, 'the block size is above 64 KiB');
  }
  const blockBytes = 1024 << raw.s_log_block_size;
  const logClusterSize = features.has('bigalloc') ? raw.s_log_cluster_size : raw.s_log_block_size;
  if (logClusterSize < raw.s_log_block_size || logClusterSize > MAX_LOG_CLUSTER_SIZE) {
    throw new CorruptError('bad-geometry', place, `s_log_cluster_size is ${logClusterSize}`);
  }
  const clusterBlocks = 2 ** (logClusterSize - raw.s_log_block_size);

  const highBlockCount = features.has('64bit') ? raw.s_blocks_count_hi : 0;
  const blockCount64 = joinHalves(raw.s_blocks_count_lo, highBlockCount);
  const lengthBytes = toSafeNumber(blockCount64 * BigInt(blockBytes), 'length in bytes', place);
  const blockCount = lengthBytes / blockBytes;
  // Blocks of 1 KiB leave block 0 to the boot sector, unless a cluster holds more than one block.
  const firstDataBlock = logClusterSize === 0 ? 1 : 0;
  if (raw.s_first_data_block !== firstDataBlock || blockCount <= firstDataBlock) {
    throw new CorruptError(
      'bad-geometry',
      place,
      `${blockCount} blocks, the first of them ${raw.s_first_data_block}, make no filesystem`,
    );
  }

  const blocksPerGroup = raw.s_blocks_per_group;
  const clustersPerGroup = blocksPerGroup / clusterBlocks;
  if (
    blocksPerGroup === 0 ||
    clustersPerGroup % 8 !== 0 ||
    clustersPerGroup > blockBytes * 8 ||
    (features.has('bigalloc') && raw.s_clusters_per_group !== clustersPerGroup)
  ) {
    throw new CorruptError('bad-geometry', place, `s_blocks_per_group is ${blocksPerGroup}`);
  }
  const groupCount = Math.ceil((blockCount - firstDataBlock) / blocksPerGroup);
  if (groupCount > MAX_GROUPS) {
    throw new UnsupportedError(
      'too-many-groups',
      place,
      `${groupCount} groups are more than the ${MAX_GROUPS} that are read`,
    );
  }
  return {
    blockBytes,
    blockCount,
    clusterBlocks,
    firstDataBlock,
    blocksPerGroup,
    clustersPerGroup,
    groupCount,
  };
}

/** @throws {CorruptError} kind `bad-geometry`. */
export function readInodeGeometry(
  raw: RawSuperblock,
  { blockBytes, groupCount }: BlockGeometry,
  place: Place,
): InodeGeometry {
  const inodeBytes = raw.s_rev_level === 0 ? 128 : raw.s_inode_size;
  if (!isPowerOfTwo(inodeBytes) || inodeBytes < 128 || inodeBytes > blockBytes) {
    throw new CorruptError('bad-geometry', place, `s_inode_size is ${inodeBytes}`);
  }
  const inodesPerGroup = raw.s_inodes_per_group;
  if (
    inodesPerGroup === 0 ||
    inodesPerGroup > blockBytes * 8 ||
    inodesPerGroup * groupCount !== raw.s_inodes_count
  ) {
    throw new CorruptError(
      'bad-geometry',
      place,
      `${groupCount} groups of ${inodesPerGroup} inodes do not make ${raw.s_inodes_count}`,
    );
  }
  const inodeTableBlocks = Math.ceil((inodesPerGroup * inodeBytes) / blockBytes);
  return { inodesPerGroup, inodeBytes, inodeTableBlocks };
}

/** @throws {CorruptError} kind `bad-geometry`, or `bad-pointer`. */
export function readDescriptorGeometry(
  raw: RawSuperblock,
  features: Features,
  { blockBytes, blockCount, groupCount }: BlockGeometry,
  place: Place,
): DescriptorGeometry {
  const is64Bit = features.has('64bit');
  const descriptorBytes = is64Bit ? raw.s_desc_size : 32;
  if (
    !isPowerOfTwo(descriptorBytes) ||
    descriptorBytes < (is64Bit ? 64 : 32) ||
    descriptorBytes > MAX_DESCRIPTOR_BYTES
  ) {
    throw new CorruptError('bad-geometry', place, `s_desc_size is ${descriptorBytes}`);
  }
  const descriptorBlocks = Math.ceil((groupCount * descriptorBytes) / blockBytes);
  if (raw.s_reserved_gdt_blocks > blockBytes / 4) {
    throw new CorruptError(
      'bad-geometry',
      place,
      `s_reserved_gdt_blocks is ${raw.s_reserved_gdt_blocks}`,
    );
  }
  if (features.has('meta_bg') && raw.s_first_meta_bg > descriptorBlocks) {
    throw new CorruptError('bad-geometry', place, `s_first_meta_bg is ${raw.s_first_meta_bg}`);
  }
  const mmpBlock = features.has('mmp') ? toSafeNumber(raw.s_mmp_block, 's_mmp_block', place) : 0;
  if (mmpBlock >= blockCount)
    throw new CorruptError('bad-pointer', place, `s_mmp_block is ${mmpBlock}`);
  return {
    descriptorBytes,
    descriptorBlocks,
    reservedDescriptorBlocks: raw.s_reserved_gdt_blocks,
    firstMetaBlockGroup: features.has('meta_bg') ? raw.s_first_meta_bg : descriptorBlocks,
    backupGroups: readBackupGroups(raw.s_backup_bgs),
    mmpBlock,
  };
}

function readBackupGroups(bytes: Uint8Array): readonly [number, number] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return [view.getUint32(0, true), view.getUint32(4, true)];
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}
