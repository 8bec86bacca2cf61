/**
 * The superblock of ext2, ext3 and ext4 as it lies on disk: 1,024 bytes at byte 1,024 of the
 * filesystem, little-endian. Everything that places metadata is named; counters, times and mount
 * options are ignored.
 *
 * Linux: fs/ext4/ext4.h, `struct ext4_super_block`.
 */
import {
  byteRun,
  decode,
  layout,
  type Decoded,
  u16le,
  u32le,
  u64le,
  u8,
} from '../../bytes/layout.ts';
import type { FeatureWords } from './features.ts';

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

export type RawSuperblock = Decoded<typeof superblockLayout.fields>;

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
