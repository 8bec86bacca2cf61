/**
 * Fast commits: records of what changed since the last full commit, in blocks of their own at the end
 * of the journal. Little-endian; each record has a tag, a length and a value. Only the ranges of blocks
 * that they give to files matter here. Blocks that a replay takes for itself it also writes itself, so
 * nothing that is in the image is lost with them.
 *
 * Linux: fs/ext4/fast_commit.h; fs/ext4/fast_commit.c, `ext4_fc_replay_scan`.
 */
import { crc32c } from '../../../bytes/crc32c.ts';
import { decode, layout, u16le, u32le } from '../../../bytes/layout.ts';
import { CorruptError, UnsupportedError } from '../../../errors/errors.ts';
import { readExtent } from '../extent-tree.ts';
import type { BlockRun } from '../geometry.ts';
import type { JournalBlocks } from './journal-blocks.ts';
import type { JournalSuperblock } from './journal-superblock.ts';

const recordLayout = layout('fast commit record', 4, {
  fc_tag: u16le(0x0),
  fc_len: u16le(0x2), // of the value that follows
});
const RECORD_BYTES = 4;

const headLayout = layout('fast commit head', 8, {
  fc_features: u32le(0x0),
  fc_tid: u32le(0x4),
});

const tailLayout = layout('fast commit tail', 8, {
  fc_tid: u32le(0x0),
  fc_crc: u32le(0x4),
});
/** The checksum covers the tail up to itself. */
const TAIL_CHECKSUM_START = 4;

/** An inode number of four bytes goes before the extent. */
const ADD_RANGE_EXTENT_START = 4;

const TAG = {
  none: 0, // what never was written
  addRange: 1,
  delRange: 2,
  creat: 3,
  link: 4,
  unlink: 5,
  inode: 6,
  pad: 7,
  tail: 8,
  head: 9,
} as const;

/** The default area of 256 blocks has room for 52,000. Bounds what a made-up area can cost. */
const MAX_RANGES = 2 ** 20;

/** Least and most bytes of the value of a tag. */
const LENGTHS = new Map<number, readonly [number, number]>([
  [TAG.addRange, [16, 16]],
  [TAG.delRange, [12, 12]],
  [TAG.creat, [9, 8 + 255]],
  [TAG.link, [9, 8 + 255]],
  [TAG.unlink, [9, 8 + 255]],
  [TAG.inode, [4 + 128, 4 + 65536]],
  [TAG.pad, [0, 65536]],
  [TAG.tail, [tailLayout.lengthBytes, 65536]],
  [TAG.head, [headLayout.lengthBytes, headLayout.lengthBytes]],
]);

/**
 * The blocks that complete fast commits give to files.
 * @param sequence the transaction that the fast commits must belong to: the one after the last.
 * @throws {UnsupportedError} kind `unknown-fast-commit` for tags or features that are not known, or
 *   `fast-commits-too-large`.
 * @throws {CorruptError} kind `bad-fast-commit` for a wrong checksum.
 */
export function readFastCommits(
  blocks: JournalBlocks,
  journal: JournalSuperblock,
  sequence: number,
): readonly BlockRun[] {
  const scan = new FastCommitScan(sequence);
  for (let block = journal.fastCommitStart; block < journal.fastCommitEnd; block++) {
    if (scan.readBlock(blocks.read(block), block === journal.fastCommitStart) === 'end') break;
  }
  return scan.ranges;
}

class FastCommitScan {
  /** Of all commits whose tail was seen. */
  readonly ranges: BlockRun[] = [];
  readonly #sequence: number;
  #pending: BlockRun[] = [];
  #checksum = 0;

  constructor(sequence: number) {
    this.#sequence = sequence;
  }

  /** Records do not cross blocks. */
  readBlock(block: Uint8Array, isFirst: boolean): 'go-on' | 'end' {
    let at = 0;
    while (at + RECORD_BYTES <= block.length) {
      const { fc_tag: tag, fc_len: length } = decode(recordLayout, block, at);
      if (tag === TAG.none) return 'end';
      const valueStart = at + RECORD_BYTES;
      this.#refuseUnknown(tag, length, block.length - valueStart);
      if (isFirst && at === 0 && tag !== TAG.head) {
        throw new UnsupportedError('unknown-fast-commit', PLACE, 'the first record is no head');
      }
      const value = block.subarray(valueStart, valueStart + length);
      const isOver = this.#readRecord(tag, value) === 'end';
      if (isOver) return 'end';
      if (tag === TAG.tail) {
        const covered = block.subarray(at, valueStart + TAIL_CHECKSUM_START);
        if (this.#finish(value, covered) === 'end') return 'end';
      } else {
        this.#checksum = crc32c(this.#checksum, block, at, valueStart + length);
      }
      at = valueStart + length;
    }
    return 'go-on';
  }

  #refuseUnknown(tag: number, length: number, roomBytes: number): void {
    const limits = LENGTHS.get(tag);
    if (limits !== undefined && length >= limits[0] && length <= limits[1] && length <= roomBytes) {
      return;
    }
    throw new UnsupportedError(
      'unknown-fast-commit',
      PLACE,
      `a record has tag ${tag} and ${length} bytes, which is not known; for a tighter map unmount the filesystem, or run e2fsck -f, and scan again`,
    );
  }

  #readRecord(tag: number, value: Uint8Array): 'go-on' | 'end' {
    if (tag === TAG.addRange) {
      if (this.ranges.length + this.#pending.length === MAX_RANGES) {
        throw new UnsupportedError(
          'fast-commits-too-large',
          PLACE,
          `more than ${MAX_RANGES} ranges; for a tighter map unmount the filesystem, or run e2fsck -f, and scan again`,
        );
      }
      this.#pending.push(readExtent(value, ADD_RANGE_EXTENT_START));
    } else if (tag === TAG.head) {
      const head = decode(headLayout, value);
      // Left from an earlier transaction: everything in it is home by now.
      if (head.fc_tid !== this.#sequence) return 'end';
      if (head.fc_features !== 0) {
        throw new UnsupportedError(
          'unknown-fast-commit',
          PLACE,
          `uses features 0x${head.fc_features.toString(16)}, which are not known`,
        );
      }
    }
    return 'go-on';
  }

  /** A tail makes everything before it count. */
  #finish(value: Uint8Array, covered: Uint8Array): 'go-on' | 'end' {
    const tail = decode(tailLayout, value);
    if (tail.fc_tid !== this.#sequence) return 'end';
    if (crc32c(this.#checksum, covered) !== tail.fc_crc) {
      throw new CorruptError('bad-fast-commit', PLACE, 'a checksum does not match');
    }
    for (const range of this.#pending) this.ranges.push(range);
    this.#pending = [];
    this.#checksum = 0;
    return 'go-on';
  }
}

const PLACE = { structure: 'fast commit area' };
