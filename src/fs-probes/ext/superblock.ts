/** The superblock of ext2, ext3 and ext4, checked and in our names. */
import { crc32c } from '../../bytes/crc32c.ts';
import { decode } from '../../bytes/layout.ts';
import { joinHalves } from '../../bytes/safe-number.ts';
import { CorruptError, UnsupportedError, type Place } from '../../errors/errors.ts';
import type { ImageReader } from '../../image/image-reader.ts';
import { type FeatureName, readFeatures } from './features.ts';
import {
  readBlockGeometry,
  readDescriptorGeometry,
  readInodeGeometry,
  type BlockGeometry,
  type DescriptorGeometry,
  type InodeGeometry,
} from './superblock-geometry.ts';
import {
  EXT_MAGIC,
  featureWords,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_START_BYTE,
  superblockLayout,
} from './superblock-layout.ts';

/** `s_state`: the filesystem was unmounted, or never mounted after it was made or checked. */
const STATE_VALID = 1;
/** `s_state`: the kernel has met damage and wants e2fsck. */
const STATE_ERROR = 2;

/** What checksums a filesystem keeps: none, CRC-16 over descriptors, or CRC-32C over everything. */
export type ChecksumKind = 'none' | 'crc16' | 'crc32c';

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
  if (raw.s_magic !== EXT_MAGIC)
    throw new CorruptError('bad-magic', place, 'the magic number is missing');
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

function verifyChecksum(bytes: Uint8Array, place: Place): void {
  const raw = decode(superblockLayout, bytes);
  if (raw.s_checksum_type !== 1) {
    throw new CorruptError(
      'superblock-checksum',
      place,
      `checksum type ${raw.s_checksum_type} is unknown`,
    );
  }
  if (crc32c(0xffffffff, bytes, 0, 0x3fc) !== raw.s_checksum) {
    throw new CorruptError('superblock-checksum', place, 'the checksum does not match');
  }
}

function checksumKindOf(features: ReadonlySet<FeatureName>): ChecksumKind {
  if (features.has('metadata_csum')) return 'crc32c';
  return features.has('uninit_bg') ? 'crc16' : 'none';
}

/** `s_jnl_blocks`: the 15 words of `i_block`, then `i_size_high`, then `i_size_lo`. */
function readJournalBackup(bytes: Uint8Array): JournalBackup {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    blockField: bytes.subarray(0, 60),
    sizeBytes: joinHalves(view.getUint32(64, true), view.getUint32(60, true)),
  };
}
