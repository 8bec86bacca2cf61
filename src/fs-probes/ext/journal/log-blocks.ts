/**
 * The three kinds of blocks that give a jbd2 log its shape, all big-endian. A descriptor block names
 * the homes of the copies that follow it; a revoke block names homes whose older copies must not be
 * put back; a commit block ends a transaction.
 *
 * Linux: include/linux/jbd2.h, `journal_block_tag_t`, `journal_block_tag3_t`,
 * `jbd2_journal_revoke_header_t`, `struct commit_header`; fs/jbd2/recovery.c.
 */
import { crc32c } from '../../../bytes/crc32c.ts';
import { decode, layout, u32be, u64be, u8 } from '../../../bytes/layout.ts';
import { JOURNAL_MAGIC, type JournalSuperblock } from './journal-superblock.ts';

const headerLayout = layout('jbd2 block header', 12, {
  h_magic: u32be(0x0),
  h_blocktype: u32be(0x4),
  h_sequence: u32be(0x8),
});
const HEADER_BYTES = 12;

const commitLayout = layout('jbd2 commit block', 0x38, {
  h_chksum_type: u8(0x0c),
  h_chksum_size: u8(0x0d),
  h_chksum: u32be(0x10), // the first of eight words; the others are not used
  h_commit_sec: u64be(0x30),
});
const COMMIT_CHECKSUM_START = 0x10;
const CHECKSUM_TYPE_CRC32 = 1;

const revokeLayout = layout('jbd2 revoke block', 16, {
  r_count: u32be(0xc), // bytes in use, these 16 included
});
const REVOKE_HEADER_BYTES = 16;

/** With checksums of version 2 and 3 descriptor and revoke blocks end in one. */
const TAIL_BYTES = 4;

const FLAG_ESCAPED = 0x1;
const FLAG_SAME_UUID = 0x2;
const FLAG_LAST_TAG = 0x8;
const UUID_BYTES = 16;

export type LogBlockType = 'descriptor' | 'commit' | 'revoke' | 'unknown';

const TYPES = new Map<number, LogBlockType>([
  [1, 'descriptor'],
  [2, 'commit'],
  [5, 'revoke'],
]);

export interface LogBlockHeader {
  readonly type: LogBlockType;
  readonly sequence: number;
}

/** Undefined if the block is no part of the log's own structure. */
export function parseHeader(block: Uint8Array): LogBlockHeader | undefined {
  const raw = decode(headerLayout, block);
  if (raw.h_magic !== JOURNAL_MAGIC) return undefined;
  return { type: TYPES.get(raw.h_blocktype) ?? 'unknown', sequence: raw.h_sequence };
}

/** One copy in the log and its home in the filesystem. */
export interface BlockTag {
  readonly homeBlock: number;
  /** The first four bytes were zeroed in the log, because they were the magic number. */
  readonly isEscaped: boolean;
  /** 32 bits in version 3, 16 in version 2, nothing to compare else. */
  readonly checksum: number;
}

/** The tags of a descriptor block, in the order of the copies that follow it. */
export function parseTags(block: Uint8Array, journal: JournalSuperblock): readonly BlockTag[] {
  const view = viewOf(block);
  const tagBytes = tagLength(journal);
  const isVersion3 = journal.checksums === 'v3';
  const endByte = block.length - (hasBlockChecksums(journal) ? TAIL_BYTES : 0);
  const tags: BlockTag[] = [];
  let at = HEADER_BYTES;
  while (at + tagBytes <= endByte) {
    // Version 3 has 32 bits of flags, and all flags lie in the lower half.
    const flags = view.getUint16(at + 6);
    const high = journal.has64BitBlocks ? view.getUint32(at + 8) : 0;
    tags.push({
      homeBlock: view.getUint32(at) + high * 2 ** 32,
      isEscaped: (flags & FLAG_ESCAPED) !== 0,
      checksum: isVersion3 ? view.getUint32(at + 12) : view.getUint16(at + 4),
    });
    at += tagBytes;
    if ((flags & FLAG_SAME_UUID) === 0) at += UUID_BYTES;
    if ((flags & FLAG_LAST_TAG) !== 0) break;
  }
  return tags;
}

/** 16 bytes in version 3; before that 8, plus 4 for large block numbers and 2 for a checksum. */
function tagLength({ checksums, has64BitBlocks }: JournalSuperblock): number {
  if (checksums === 'v3') return 16;
  return 8 + (has64BitBlocks ? 4 : 0) + (checksums === 'v2' ? 2 : 0);
}

/** The homes that a revoke block names; undefined if its length cannot be. */
export function parseRevokes(
  block: Uint8Array,
  journal: JournalSuperblock,
): readonly number[] | undefined {
  const view = viewOf(block);
  const { r_count: endByte } = decode(revokeLayout, block);
  if (endByte > block.length - (hasBlockChecksums(journal) ? TAIL_BYTES : 0)) return undefined;
  const recordBytes = journal.has64BitBlocks ? 8 : 4;
  const homes: number[] = [];
  for (let at = REVOKE_HEADER_BYTES; at + recordBytes <= endByte; at += recordBytes) {
    homes.push(
      journal.has64BitBlocks
        ? view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4)
        : view.getUint32(at),
    );
  }
  return homes;
}

export interface Commit {
  /** Seconds since 1970. Never decreases within one life of a journal. */
  readonly seconds: bigint;
  readonly hasValidChecksum: boolean;
}

/** @param transactionChecksum of version 1: over all descriptors and copies of the transaction. */
export function parseCommit(
  block: Uint8Array,
  journal: JournalSuperblock,
  transactionChecksum: number,
): Commit {
  const raw = decode(commitLayout, block);
  const seconds = raw.h_commit_sec;
  if (hasBlockChecksums(journal)) {
    const computed = checksumWithout(block, COMMIT_CHECKSUM_START, journal);
    return { seconds, hasValidChecksum: computed === raw.h_chksum };
  }
  if (journal.checksums === 'none') return { seconds, hasValidChecksum: true };
  const isUnused = raw.h_chksum_type === 0 && raw.h_chksum_size === 0 && raw.h_chksum === 0;
  const isRight =
    raw.h_chksum_type === CHECKSUM_TYPE_CRC32 &&
    raw.h_chksum_size === 4 &&
    raw.h_chksum === transactionChecksum;
  return { seconds, hasValidChecksum: isUnused || isRight };
}

/** Verifies the end of a descriptor or revoke block. True in journals that have none. */
export function hasValidTail(block: Uint8Array, journal: JournalSuperblock): boolean {
  if (!hasBlockChecksums(journal)) return true;
  const tailStart = block.length - TAIL_BYTES;
  return checksumWithout(block, tailStart, journal) === viewOf(block).getUint32(tailStart);
}

/** Verifies a copy against its tag. True in journals that do not keep checksums of copies. */
export function hasValidCopy(
  copy: Uint8Array,
  tag: BlockTag,
  sequence: number,
  journal: JournalSuperblock,
): boolean {
  if (!hasBlockChecksums(journal)) return true;
  const number = new Uint8Array(4);
  viewOf(number).setUint32(0, sequence);
  const computed = crc32c(crc32c(journal.checksumSeed, number), copy);
  return (journal.checksums === 'v3' ? computed : computed & 0xffff) === tag.checksum;
}

function hasBlockChecksums({ checksums }: JournalSuperblock): boolean {
  return checksums === 'v2' || checksums === 'v3';
}

/** The checksum of a block whose own four bytes of checksum count as zero. */
function checksumWithout(
  block: Uint8Array,
  checksumStart: number,
  { checksumSeed }: JournalSuperblock,
): number {
  const before = crc32c(checksumSeed, block, 0, checksumStart);
  return crc32c(crc32c(before, new Uint8Array(4)), block, checksumStart + 4);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
