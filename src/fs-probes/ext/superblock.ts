/**
 * The superblock of ext2, ext3 and ext4: 1,024 bytes at byte 1,024 of the filesystem, little-endian.
 * Everything that places metadata is read; counters, times and mount options are ignored.
 *
 * Linux: fs/ext4/ext4.h, `struct ext4_super_block`; limits as in fs/ext4/super.c when mounting.
 */
import { crc32c } from '../../bytes/crc32c.ts';
import {
  byteRun,
  decode,
  type Decoded,
  layout,
  u16le,
  u32le,
  u64le,
  u8,
} from '../../bytes/layout.ts';
import { joinHalves, toSafeNumber } from '../../bytes/safe-number.ts';
import { CorruptError, UnsupportedError, type Place } from '../../errors/errors.ts';
import type { ImageReader } from '../../image/image-reader.ts';
import { type FeatureName, type FeatureWords, readFeatures } from './features.ts';

export const SUPERBLOCK_START_BYTE = 1024;
export const SUPERBLOCK_BYTES = 1024;
export const EXT_MAGIC = 0xef53;

export const superblockLayout = layout('ext superblock', SUPERBLOCK_BYTES, {
  s_inodes_count: u32le(0x00),
  s_blocks_count_lo: u32le(0x04),
  s_free_blocks_count_lo: u32le(0x0c),
  s_first_data_block: u32le(0x14),
  s_log_block_size: u32le(0x18), // block size is 1024 << this; the kernel allows 0-6
  s_log_cluster_size: u32le(0x1c), // means something with bigalloc only
  s_blocks_per_group: u32le(0x20),
  s_clusters_per_group: u32le(0x24), // means something with bigalloc only
  s_inodes_per_group: u32le(0x28),
  s_magic: u16le(0x38),
  s_state: u16le(0x3a), // 1 cleanly unmounted, 2 errors seen, 4 orphans being removed
  s_rev_level: u32le(0x4c), // 0: no feature words, inodes of 128 bytes
  s_inode_size: u16le(0x58),
  s_block_group_nr: u16le(0x5a), // 0 in the primary, its own group in a copy
  s_feature_compat: u32le(0x5c),
  s_feature_incompat: u32le(0x60),
  s_feature_ro_compat: u32le(0x64),
  s_uuid: byteRun(0x68, 16),
  s_volume_name: byteRun(0x78, 16),
  s_reserved_gdt_blocks: u16le(0xce),
  s_journal_uuid: byteRun(0xd0, 16),
  s_journal_inum: u32le(0xe0),
  s_journal_dev: u32le(0xe4),
  s_jnl_backup_type: u8(0xfd), // 1: s_jnl_blocks holds a copy
  s_desc_size: u16le(0xfe), // means something with 64bit only
  s_first_meta_bg: u32le(0x104),
  s_jnl_blocks: byteRun(0x10c, 68), // i_block of the journal inode, size high, size low
  s_blocks_count_hi: u32le(0x150),
  s_mmp_block: u64le(0x168),
  s_checksum_type: u8(0x175), // 1: crc32c, the only one
  s_backup_bgs: byteRun(0x24c, 8), // two u32: the groups with copies under sparse_super2
  s_checksum_seed: u32le(0x270),
  s_checksum: u32le(0x3fc),
});

/** `s_state`: the filesystem was unmounted, or never mounted after it was made or checked. */
const STATE_VALID = 1;
/** `s_state`: the kernel has met damage and wants e2fsck. */
const STATE_ERROR = 2;

/**
 * More groups than 128 TiB of 4 KiB blocks have. Descriptors take 37 bytes of memory each, so this
 * also bounds what a made-up block count can cost.
 */
const MAX_GROUPS = 2 ** 20;
/** Linux: `EXT4_MAX_CLUSTER_LOG_SIZE` is 30, counted from single bytes. */
const MAX_LOG_CLUSTER_SIZE = 20;
/** A descriptor is never larger than the smallest block. */
const MAX_DESCRIPTOR_BYTES = 1024;

/** What checksums a filesystem keeps: none, CRC-16 over descriptors, or CRC-32C over everything. */
export type ChecksumKind = 'none' | 'crc16' | 'crc32c';

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

interface InodeGeometry {
  readonly inodesPerGroup: number;
  readonly inodeBytes: number;
  /** Per group. */
  readonly inodeTableBlocks: number;
}

interface DescriptorGeometry {
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

export interface Superblock extends BlockGeometry, InodeGeometry, DescriptorGeometry {
  readonly features: ReadonlySet<FeatureName>;
  readonly uuid: Uint8Array;
  readonly checksumKind: ChecksumKind;
  /** The start of every CRC-32C in this filesystem. */
  readonly checksumSeed: number;
  readonly isCleanlyUnmounted: boolean;
  readonly hasErrorFlag: boolean;
  /** 0 if the journal is on another device. Means something with `has_journal` only. */
  readonly journalInode: number;
  readonly journalUuid: Uint8Array;
  readonly journalBackup: JournalBackup | undefined;
}

/** The copy of the journal inode that the superblock keeps. */
export interface JournalBackup {
  /** The 60 bytes of `i_block`. */
  readonly blockField: Uint8Array;
  readonly sizeBytes: bigint;
}

/**
 * Reads the primary superblock.
 * @throws {CorruptError} if the volume ends before it does, and as `parseSuperblock` does.
 * @throws {UnsupportedError} as `parseSuperblock` does.
 */
export function readSuperblock(reader: ImageReader): Superblock {
  const place = { structure: superblockLayout.name, startByte: SUPERBLOCK_START_BYTE };
  if (reader.sizeBytes < SUPERBLOCK_START_BYTE + SUPERBLOCK_BYTES) {
    throw new CorruptError('truncated', place, 'the volume ends inside of it');
  }
  return parseSuperblock(reader.readAt(SUPERBLOCK_START_BYTE, SUPERBLOCK_BYTES), place);
}

/**
 * The superblock in our names and units.
 * @throws {CorruptError} for values that no kernel mounts, and kind `superblock-checksum`.
 * @throws {UnsupportedError} kind `unknown-feature`, `unknown-revision`, `backup-superblock` or
 *   `too-many-groups`.
 */
export function parseSuperblock(bytes: Uint8Array, place: Place): Superblock {
  const raw = decode(superblockLayout, bytes);
  if (raw.s_magic !== EXT_MAGIC) throw corrupt(place, 'bad-magic', 'the magic number is missing');
  if (raw.s_rev_level > 1) {
    throw new UnsupportedError('unknown-revision', place, `revision ${raw.s_rev_level} is unknown`);
  }
  const features = readFeatures(featureWords(bytes), place);
  if (features.has('metadata_csum')) verifyChecksum(bytes, place);
  if (raw.s_rev_level === 1 && raw.s_block_group_nr !== 0) {
    throw new UnsupportedError(
      'backup-superblock',
      place,
      `is the copy that belongs to group ${raw.s_block_group_nr}, so the filesystem starts elsewhere`,
    );
  }
  const blocks = readBlockGeometry(raw, features, place);
  return {
    ...blocks,
    ...readInodeGeometry(raw, blocks, place),
    ...readDescriptorGeometry(raw, features, blocks, place),
    features,
    uuid: raw.s_uuid,
    checksumKind: checksumKindOf(features),
    checksumSeed: features.has('metadata_csum_seed')
      ? raw.s_checksum_seed
      : crc32c(0xffffffff, raw.s_uuid),
    isCleanlyUnmounted: (raw.s_state & STATE_VALID) !== 0,
    hasErrorFlag: (raw.s_state & STATE_ERROR) !== 0,
    journalInode: raw.s_journal_inum,
    journalUuid: raw.s_journal_uuid,
    journalBackup: raw.s_jnl_backup_type === 1 ? readJournalBackup(raw.s_jnl_blocks) : undefined,
  };
}

type RawSuperblock = Decoded<typeof superblockLayout.fields>;
type Features = ReadonlySet<FeatureName>;

function corrupt(place: Place, kind: string, message: string): CorruptError {
  return new CorruptError(kind, place, `${message}; run e2fsck and scan again`);
}

function verifyChecksum(bytes: Uint8Array, place: Place): void {
  const raw = decode(superblockLayout, bytes);
  if (raw.s_checksum_type !== 1) {
    throw corrupt(place, 'superblock-checksum', `checksum type ${raw.s_checksum_type} is unknown`);
  }
  if (crc32c(0xffffffff, bytes, 0, 0x3fc) !== raw.s_checksum) {
    throw corrupt(place, 'superblock-checksum', 'the checksum does not match');
  }
}

function checksumKindOf(features: Features): ChecksumKind {
  if (features.has('metadata_csum')) return 'crc32c';
  return features.has('uninit_bg') ? 'crc16' : 'none';
}

function readBlockGeometry(raw: RawSuperblock, features: Features, place: Place): BlockGeometry {
  if (raw.s_log_block_size > 6) {
    throw corrupt(place, 'bad-geometry', 'the block size is above 64 KiB');
  }
  const blockBytes = 1024 << raw.s_log_block_size;
  const logClusterSize = features.has('bigalloc') ? raw.s_log_cluster_size : raw.s_log_block_size;
  if (logClusterSize < raw.s_log_block_size || logClusterSize > MAX_LOG_CLUSTER_SIZE) {
    throw corrupt(place, 'bad-geometry', `s_log_cluster_size is ${logClusterSize}`);
  }
  const clusterBlocks = 2 ** (logClusterSize - raw.s_log_block_size);

  const highBlockCount = features.has('64bit') ? raw.s_blocks_count_hi : 0;
  const blockCount64 = joinHalves(raw.s_blocks_count_lo, highBlockCount);
  const lengthBytes = toSafeNumber(blockCount64 * BigInt(blockBytes), 'length in bytes', place);
  const blockCount = lengthBytes / blockBytes;
  // Blocks of 1 KiB leave block 0 to the boot sector, unless a cluster holds more than one block.
  const firstDataBlock = logClusterSize === 0 ? 1 : 0;
  if (raw.s_first_data_block !== firstDataBlock || blockCount <= firstDataBlock) {
    throw corrupt(
      place,
      'bad-geometry',
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
    throw corrupt(place, 'bad-geometry', `s_blocks_per_group is ${blocksPerGroup}`);
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

function readInodeGeometry(
  raw: RawSuperblock,
  { blockBytes, groupCount }: BlockGeometry,
  place: Place,
): InodeGeometry {
  const inodeBytes = raw.s_rev_level === 0 ? 128 : raw.s_inode_size;
  if (!isPowerOfTwo(inodeBytes) || inodeBytes < 128 || inodeBytes > blockBytes) {
    throw corrupt(place, 'bad-geometry', `s_inode_size is ${inodeBytes}`);
  }
  const inodesPerGroup = raw.s_inodes_per_group;
  if (
    inodesPerGroup === 0 ||
    inodesPerGroup > blockBytes * 8 ||
    inodesPerGroup * groupCount !== raw.s_inodes_count
  ) {
    throw corrupt(
      place,
      'bad-geometry',
      `${groupCount} groups of ${inodesPerGroup} inodes do not make ${raw.s_inodes_count}`,
    );
  }
  const inodeTableBlocks = Math.ceil((inodesPerGroup * inodeBytes) / blockBytes);
  return { inodesPerGroup, inodeBytes, inodeTableBlocks };
}

function readDescriptorGeometry(
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
    throw corrupt(place, 'bad-geometry', `s_desc_size is ${descriptorBytes}`);
  }
  const descriptorBlocks = Math.ceil((groupCount * descriptorBytes) / blockBytes);
  if (raw.s_reserved_gdt_blocks > blockBytes / 4) {
    throw corrupt(place, 'bad-geometry', `s_reserved_gdt_blocks is ${raw.s_reserved_gdt_blocks}`);
  }
  if (features.has('meta_bg') && raw.s_first_meta_bg > descriptorBlocks) {
    throw corrupt(place, 'bad-geometry', `s_first_meta_bg is ${raw.s_first_meta_bg}`);
  }
  const mmpBlock = features.has('mmp') ? toSafeNumber(raw.s_mmp_block, 's_mmp_block', place) : 0;
  if (mmpBlock >= blockCount) throw corrupt(place, 'bad-pointer', `s_mmp_block is ${mmpBlock}`);
  return {
    descriptorBytes,
    descriptorBlocks,
    reservedDescriptorBlocks: raw.s_reserved_gdt_blocks,
    firstMetaBlockGroup: features.has('meta_bg') ? raw.s_first_meta_bg : descriptorBlocks,
    backupGroups: readBackupGroups(raw.s_backup_bgs),
    mmpBlock,
  };
}

/** The feature words of a superblock, all zero in revision 0, which has none. */
export function featureWords(bytes: Uint8Array): FeatureWords {
  const raw = decode(superblockLayout, bytes);
  if (raw.s_rev_level === 0) return { compat: 0, incompat: 0, roCompat: 0 };
  return {
    compat: raw.s_feature_compat,
    incompat: raw.s_feature_incompat,
    roCompat: raw.s_feature_ro_compat,
  };
}

function readBackupGroups(bytes: Uint8Array): readonly [number, number] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return [view.getUint32(0, true), view.getUint32(4, true)];
}

/** `s_jnl_blocks`: the 15 words of `i_block`, then `i_size_high`, then `i_size_lo`. */
function readJournalBackup(bytes: Uint8Array): JournalBackup {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    blockField: bytes.subarray(0, 60),
    sizeBytes: joinHalves(view.getUint32(64, true), view.getUint32(60, true)),
  };
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}
