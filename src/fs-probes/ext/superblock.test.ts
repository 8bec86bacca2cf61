import { describe, expect, it } from 'vitest';

import { crc32c } from '../../bytes/crc32c.ts';
import { encodeInto, type Decoded } from '../../bytes/layout.ts';
import { BmapError, CorruptError, UnsupportedError } from '../../errors/errors.ts';
import { superblockLayout } from './superblock-layout.ts';
import { parseSuperblock, type Superblock } from './superblock.ts';

type Changes = Partial<Decoded<typeof superblockLayout.fields>>;

/** 3 groups of 8,192 blocks of 1 KiB, as mke2fs makes an ext4 of 24 MiB. */
const GOOD: Changes = {
  s_inodes_count: 3 * 2048,
  s_blocks_count_lo: 24 * 1024,
  s_first_data_block: 1,
  s_blocks_per_group: 8192,
  s_clusters_per_group: 8192,
  s_inodes_per_group: 2048,
  s_magic: 0xef53,
  s_state: 1,
  s_rev_level: 1,
  s_inode_size: 256,
  s_feature_compat: 0x4,
  s_feature_incompat: 0x2c2, // filetype, extent, 64bit, flex_bg
  s_feature_ro_compat: 0x401, // metadata_csum, sparse_super
  s_desc_size: 64,
  s_reserved_gdt_blocks: 256,
  s_journal_inum: 8,
  s_checksum_type: 1,
};

function patched(changes: Changes): Uint8Array {
  const bytes = new Uint8Array(superblockLayout.lengthBytes);
  encodeInto(superblockLayout, bytes, { ...GOOD, ...changes });
  if (changes.s_checksum === undefined) {
    encodeInto(superblockLayout, bytes, { s_checksum: crc32c(0xffffffff, bytes, 0, 0x3fc) });
  }
  return bytes;
}

function parse(changes: Changes): Superblock {
  return parseSuperblock(patched(changes), { structure: 'ext superblock' });
}

function failure(changes: Changes): BmapError {
  try {
    parse(changes);
  } catch (error) {
    if (error instanceof CorruptError || error instanceof UnsupportedError) return error;
    throw error;
  }
  throw new Error('the superblock was accepted');
}

it('reads a good superblock in our names', () => {
  expect(parse({})).toMatchObject({
    blockBytes: 1024,
    blockCount: 24576,
    clusterBlocks: 1,
    firstDataBlock: 1,
    groupCount: 3,
    inodeBytes: 256,
    inodeTableBlocks: 512,
    descriptorBytes: 64,
    descriptorBlocks: 1,
    firstMetaBlockGroup: 1,
    checksumKind: 'crc32c',
    isCleanlyUnmounted: true,
    hasErrorFlag: false,
    journalInode: 8,
    journalBackup: undefined,
  });
});

it('ignores feature words and inode size in revision 0', () => {
  const old = { s_rev_level: 0, s_inode_size: 0, s_feature_incompat: 0xffffffff };
  const superblock = parse({ ...old, s_block_group_nr: 7 });
  expect(superblock.features.size).toBe(0);
  expect(superblock).toMatchObject({ inodeBytes: 128, descriptorBytes: 32, checksumKind: 'none' });
});

it('counts blocks above 2^32 with 64bit only', () => {
  const high = {
    s_blocks_count_hi: 1,
    s_blocks_count_lo: 0,
    s_log_block_size: 6,
    s_first_data_block: 0,
    s_blocks_per_group: 524288,
    s_inode_size: 4096,
    s_inodes_count: 8192 * 16,
    s_inodes_per_group: 16,
  };
  expect(parse(high).blockCount).toBe(2 ** 32);
  expect(failure({ ...high, s_feature_incompat: 0x242 }).kind).toBe('bad-geometry');
});

it('takes the cluster size from bigalloc only', () => {
  expect(parse({ s_log_cluster_size: 4 }).clusterBlocks).toBe(1);
  const bigalloc = {
    s_feature_ro_compat: 0x601,
    s_log_cluster_size: 4,
    s_first_data_block: 0,
    s_clusters_per_group: 512,
  };
  expect(parse(bigalloc)).toMatchObject({ clusterBlocks: 16, clustersPerGroup: 512 });
  expect(failure({ ...bigalloc, s_first_data_block: 1 }).kind).toBe('bad-geometry');
  expect(failure({ ...bigalloc, s_clusters_per_group: 511 }).kind).toBe('bad-geometry');
});

it('takes the seed of checksums from the superblock with metadata_csum_seed', () => {
  expect(parse({}).checksumSeed).toBe(crc32c(0xffffffff, new Uint8Array(16)));
  const seeded = { s_feature_incompat: 0x22c2, s_checksum_seed: 0x12345678 };
  expect(parse(seeded).checksumSeed).toBe(0x12345678);
});

it('reads the copy of the journal inode', () => {
  const words = new Uint8Array(68).fill(7, 0, 60);
  words.set([1, 0, 0, 0, 0, 4, 0, 0], 60);
  const { journalBackup } = parse({ s_jnl_backup_type: 1, s_jnl_blocks: words });
  expect(journalBackup?.blockField).toEqual(new Uint8Array(60).fill(7));
  expect(journalBackup?.sizeBytes).toBe((1n << 32n) + 1024n);
});

describe('one wrong field is refused', () => {
  it.each<[string, Changes]>([
    ['bad-magic', { s_magic: 0 }],
    ['superblock-checksum', { s_checksum: 1 }],
    ['superblock-checksum', { s_checksum_type: 2 }],
    ['unknown-revision', { s_rev_level: 2 }],
    ['backup-superblock', { s_block_group_nr: 3 }],
    ['bad-geometry', { s_log_block_size: 7 }],
    ['bad-geometry', { s_blocks_count_lo: 0 }],
    ['bad-geometry', { s_blocks_count_lo: 1 }],
    ['bad-geometry', { s_first_data_block: 0 }],
    ['bad-geometry', { s_blocks_per_group: 0 }],
    ['bad-geometry', { s_blocks_per_group: 8200 }],
    ['bad-geometry', { s_blocks_per_group: 8188 }],
    ['bad-geometry', { s_inodes_per_group: 0 }],
    ['bad-geometry', { s_inodes_per_group: 8200, s_inodes_count: 24600 }],
    ['bad-geometry', { s_inodes_count: 3 }],
    ['bad-geometry', { s_inode_size: 64 }],
    ['bad-geometry', { s_inode_size: 384 }],
    ['bad-geometry', { s_inode_size: 2048 }],
    ['bad-geometry', { s_desc_size: 32 }],
    ['bad-geometry', { s_desc_size: 96 }],
    ['bad-geometry', { s_desc_size: 2048 }],
    ['bad-geometry', { s_reserved_gdt_blocks: 257 }],
    ['bad-geometry', { s_feature_incompat: 0x2d2, s_first_meta_bg: 2 }],
    ['bad-pointer', { s_feature_incompat: 0x3c2, s_mmp_block: 24576n }],
    ['number-too-large', { s_feature_incompat: 0x3c2, s_mmp_block: 1n << 60n }],
    ['number-too-large', { s_blocks_count_hi: 0xffffffff }],
    ['too-many-groups', { s_blocks_count_hi: 2, s_inodes_count: 0x100000 }],
  ])('%s: %o', (kind, changes) => {
    expect(failure(changes).kind).toBe(kind);
  });
});

describe('an unknown feature bit is refused by its name', () => {
  const incompat = GOOD.s_feature_incompat!;
  const roCompat = GOOD.s_feature_ro_compat!;
  it.each<[string, Changes]>([
    ['FEATURE_C31', { s_feature_compat: 0x80000000 }],
    ['lazy_bg', { s_feature_compat: 0x40 }],
    ['compression', { s_feature_incompat: incompat | 0x1 }],
    ['dirdata', { s_feature_incompat: incompat | 0x1000 }],
    ['FEATURE_I18', { s_feature_incompat: incompat | 0x40000 }],
    ['has_snapshot', { s_feature_ro_compat: roCompat | 0x80 }],
    ['replica', { s_feature_ro_compat: roCompat | 0x800 }],
    ['FEATURE_R17', { s_feature_ro_compat: roCompat | 0x20000 }],
  ])('%s', (name, changes) => {
    const error = failure(changes);
    expect(error).toBeInstanceOf(UnsupportedError);
    expect(error.kind).toBe('unknown-feature');
    expect(error.message).toContain(` ${name},`);
  });
});
