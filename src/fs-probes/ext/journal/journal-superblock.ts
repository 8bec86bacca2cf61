/**
 * The superblock of a jbd2 journal: the first block of the log, big-endian. Version 1 knows no
 * features. Statistics and the list of users are ignored.
 *
 * Linux: include/linux/jbd2.h, `journal_superblock_t`; fs/jbd2/journal.c, `journal_check_superblock`.
 */
import { crc32c } from '../../../bytes/crc32c.ts';
import { byteRun, decode, layout, u32be, u8 } from '../../../bytes/layout.ts';
import { CorruptError, UnsupportedError, type Place } from '../../../errors/errors.ts';

export const JOURNAL_MAGIC = 0xc03b3998;
export const JOURNAL_SUPERBLOCK_BYTES = 1024;

export const journalSuperblockLayout = layout('jbd2 superblock', JOURNAL_SUPERBLOCK_BYTES, {
  h_magic: u32be(0x00),
  h_blocktype: u32be(0x04), // 3: version 1, 4: version 2
  s_blocksize: u32be(0x0c),
  s_maxlen: u32be(0x10), // blocks of the journal, this one included
  s_first: u32be(0x14), // first block of the log
  s_sequence: u32be(0x18), // transaction that is expected at s_start
  s_start: u32be(0x1c), // 0: nothing to replay
  s_errno: u32be(0x20), // not 0: the kernel gave up on the filesystem
  s_feature_compat: u32be(0x24),
  s_feature_incompat: u32be(0x28),
  s_feature_ro_compat: u32be(0x2c),
  s_uuid: byteRun(0x30, 16),
  s_nr_users: u32be(0x40), // filesystems that share the journal
  s_checksum_type: u8(0x50), // 4: crc32c, the only one
  s_num_fc_blks: u32be(0x54), // 0: the default of 256
  s_checksum: u32be(0xfc),
});

const CHECKSUM_START_BYTE = 0xfc;
const CHECKSUM_TYPE_CRC32C = 4;
const DEFAULT_FAST_COMMIT_BLOCKS = 256;
/** Linux: `JBD2_MIN_JOURNAL_BLOCKS`. */
const MIN_LOG_BLOCKS = 1024;

const COMPAT_CHECKSUM = 0x1;
const INCOMPAT = {
  revoke: 0x1,
  '64bit': 0x2,
  asyncCommit: 0x4,
  checksumV2: 0x8,
  checksumV3: 0x10,
  fastCommit: 0x20,
} as const;
const KNOWN_INCOMPAT = 0x3f;

/** Which blocks carry checksums: none, the commit over a whole transaction (1), or each one (2, 3). */
export type JournalChecksums = 'none' | 'v1' | 'v2' | 'v3';

export interface JournalSuperblock {
  readonly blockBytes: number;
  /** Block numbers of the log are `[firstBlock, endBlock)`, and wrap. */
  readonly firstBlock: number;
  readonly endBlock: number;
  /** Blocks of fast commits, `[start, end)`; empty without the feature. */
  readonly fastCommitStart: number;
  readonly fastCommitEnd: number;
  /** 0 if there is nothing to replay. */
  readonly startBlock: number;
  readonly sequence: number;
  readonly hasErrorCode: boolean;
  readonly userCount: number;
  readonly has64BitBlocks: boolean;
  readonly hasAsyncCommit: boolean;
  readonly hasFastCommit: boolean;
  readonly checksums: JournalChecksums;
  /** The start of the checksums of version 2 and 3. */
  readonly checksumSeed: number;
}

/**
 * The journal's superblock in our names.
 * @param blockBytes of the filesystem. @param blockCount blocks that the journal has.
 * @throws {CorruptError} kind `bad-journal` for values the kernel refuses, or a wrong checksum.
 * @throws {UnsupportedError} kind `unknown-journal-feature`.
 */
export function parseJournalSuperblock(
  bytes: Uint8Array,
  blockBytes: number,
  blockCount: number,
  place: Place,
): JournalSuperblock {
  const raw = decode(journalSuperblockLayout, bytes);
  const isVersion2 = raw.h_blocktype === 4;
  if (raw.h_magic !== JOURNAL_MAGIC || !(isVersion2 || raw.h_blocktype === 3)) {
    throw fault(place, 'the magic number is missing');
  }
  const compat = isVersion2 ? raw.s_feature_compat : 0;
  const incompat = isVersion2 ? raw.s_feature_incompat : 0;
  const has = (name: keyof typeof INCOMPAT): boolean => (incompat & INCOMPAT[name]) !== 0;
  refuseUnknownFeatures(isVersion2 ? raw : undefined, place);
  const checksums = journalChecksums(compat, incompat, place);
  if (checksums === 'v2' || checksums === 'v3') verifyChecksum(bytes, place);

  if (raw.s_blocksize !== blockBytes) throw fault(place, `the block size is ${raw.s_blocksize}`);
  if (raw.s_maxlen > blockCount) {
    throw fault(place, `${raw.s_maxlen} blocks do not fit into a journal of ${blockCount}`);
  }
  const fastCommitBlocks = has('fastCommit') ? raw.s_num_fc_blks || DEFAULT_FAST_COMMIT_BLOCKS : 0;
  const endBlock = raw.s_maxlen - fastCommitBlocks;
  if (has('fastCommit') && endBlock < MIN_LOG_BLOCKS) {
    throw fault(place, `${fastCommitBlocks} blocks of fast commits leave no room for the log`);
  }
  const isInside = (block: number): boolean => block >= raw.s_first && block < endBlock;
  if (raw.s_first === 0 || !isInside(raw.s_first)) {
    throw fault(place, `the log cannot start at block ${raw.s_first}`);
  }
  if (raw.s_start !== 0 && !isInside(raw.s_start)) {
    throw fault(place, `block ${raw.s_start} lies outside of the log`);
  }
  return {
    blockBytes,
    firstBlock: raw.s_first,
    endBlock,
    // The kernel leaves out one block between the log and the fast commits.
    fastCommitStart: has('fastCommit') ? endBlock + 1 : raw.s_maxlen,
    fastCommitEnd: raw.s_maxlen,
    startBlock: raw.s_start,
    sequence: raw.s_sequence,
    hasErrorCode: raw.s_errno !== 0,
    userCount: raw.s_nr_users,
    has64BitBlocks: has('64bit'),
    hasAsyncCommit: has('asyncCommit'),
    hasFastCommit: has('fastCommit'),
    checksums,
    checksumSeed: crc32c(0xffffffff, raw.s_uuid),
  };
}

function fault(place: Place, message: string): CorruptError {
  return new CorruptError('bad-journal', place, message);
}

function refuseUnknownFeatures(
  words:
    | { s_feature_compat: number; s_feature_incompat: number; s_feature_ro_compat: number }
    | undefined,
  place: Place,
): void {
  if (words === undefined) return;
  const compat = words.s_feature_compat & ~COMPAT_CHECKSUM;
  const incompat = words.s_feature_incompat & ~KNOWN_INCOMPAT;
  const roCompat = words.s_feature_ro_compat;
  if (compat === 0 && incompat === 0 && roCompat === 0) return;
  const hex = [compat, incompat, roCompat].map((word) => `0x${(word >>> 0).toString(16)}`);
  throw new UnsupportedError(
    'unknown-journal-feature',
    place,
    `uses features that this version does not understand (compat ${hex[0]}, incompat ${hex[1]}, ro_compat ${hex[2]})`,
  );
}

function journalChecksums(compat: number, incompat: number, place: Place): JournalChecksums {
  const kinds: JournalChecksums[] = [];
  if ((compat & COMPAT_CHECKSUM) !== 0) kinds.push('v1');
  if ((incompat & INCOMPAT.checksumV2) !== 0) kinds.push('v2');
  if ((incompat & INCOMPAT.checksumV3) !== 0) kinds.push('v3');
  if (kinds.length > 1) throw fault(place, `has checksums ${kinds.join(' and ')} at once`);
  return kinds[0] ?? 'none';
}

function verifyChecksum(bytes: Uint8Array, place: Place): void {
  const raw = decode(journalSuperblockLayout, bytes);
  const zeroed = bytes.slice(0, JOURNAL_SUPERBLOCK_BYTES);
  zeroed.fill(0, CHECKSUM_START_BYTE, CHECKSUM_START_BYTE + 4);
  const isRight =
    raw.s_checksum_type === CHECKSUM_TYPE_CRC32C && crc32c(0xffffffff, zeroed) === raw.s_checksum;
  if (!isRight) throw fault(place, 'the checksum does not match');
}
