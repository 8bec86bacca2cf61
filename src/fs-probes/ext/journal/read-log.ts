/**
 * Reads a jbd2 log from its start to its last complete transaction, as the kernel does before it
 * replays. Where the kernel gives up, so does this: the filesystem is then mapped whole.
 *
 * Linux: fs/jbd2/recovery.c, `do_one_pass`.
 */
import { CorruptError, UnsupportedError } from '../../../errors/errors.ts';
import { crc32BigEndian } from '../checksum.ts';
import type { JournalBlocks } from './journal-blocks.ts';
import type { JournalSuperblock } from './journal-superblock.ts';
import {
  hasValidTail,
  parseCommit,
  parseHeader,
  parseRevokes,
  parseTags,
  type BlockTag,
} from './log-blocks.ts';

/** A copy of a block, waiting in the log to be put home. */
export interface LoggedBlock extends BlockTag {
  /** Where in the log the copy is. */
  readonly logBlock: number;
}

/** A complete transaction. */
export interface Transaction {
  readonly sequence: number;
  readonly blocks: readonly LoggedBlock[];
  readonly revokedHomes: readonly number[];
}

export interface Log {
  readonly transactions: readonly Transaction[];
  /** The number of the transaction that would come next. */
  readonly nextSequence: number;
}

/**
 * Copies and revocations: 4 GiB of 4 KiB blocks, four times the largest journal that mke2fs makes by
 * itself. Each takes about 100 bytes of memory.
 */
const MAX_RECORDS = 2 ** 20;

/**
 * @throws {CorruptError} kind `bad-journal` where the kernel refuses to replay.
 * @throws {UnsupportedError} kind `journal-too-large`, or `fast-commit-wrap`.
 */
export function readLog(blocks: JournalBlocks, journal: JournalSuperblock): Log {
  if (journal.startBlock === 0) return { transactions: [], nextSequence: journal.sequence };
  return new LogScan(blocks, journal).run();
}

type Step = 'go-on' | 'end';

class LogScan {
  readonly #blocks: JournalBlocks;
  readonly #journal: JournalSuperblock;
  readonly #transactions: Transaction[] = [];
  #position: number;
  #sequence: number;
  /** Blocks passed. The log has no more than its length, so a transaction that goes round is damage. */
  #passed = 0;
  #recordCount = 0;
  #lastCommitSeconds = 0n;

  // The transaction that is being read.
  #pending: LoggedBlock[] = [];
  #revokedHomes: number[] = [];
  #hasBadTail = false;
  #checksum = 0xffffffff;
  /** The first transaction with a wrong commit checksum, where that may be an interrupted write. */
  #interruptedAt: number | undefined;

  constructor(blocks: JournalBlocks, journal: JournalSuperblock) {
    this.#blocks = blocks;
    this.#journal = journal;
    this.#position = journal.startBlock;
    this.#sequence = journal.sequence;
  }

  run(): Log {
    for (;;) {
      const block = this.#blocks.read(this.#position);
      const header = parseHeader(block);
      if (header === undefined || header.sequence !== this.#sequence) break;
      if (this.#passed >= this.#journal.endBlock - this.#journal.firstBlock) {
        throw this.#fault('a transaction is longer than the log');
      }
      this.#advance(1);
      if (header.type === 'unknown') break;
      if (header.type === 'descriptor') this.#readDescriptor(block);
      else if (header.type === 'revoke') this.#readRevokes(block);
      else if (this.#readCommit(block) === 'end') break;
    }
    return {
      transactions: this.#transactions,
      nextSequence: this.#interruptedAt ?? this.#sequence,
    };
  }

  #readDescriptor(block: Uint8Array): void {
    // What looks like a descriptor may be a stale one; its commit block tells.
    if (!hasValidTail(block, this.#journal)) this.#hasBadTail = true;
    const isSummed = this.#journal.checksums === 'v1' && this.#interruptedAt === undefined;
    if (isSummed) this.#checksum = crc32BigEndian(this.#checksum, block);
    for (const tag of parseTags(block, this.#journal)) {
      const logBlock = this.#position;
      this.#pending.push({ ...tag, logBlock });
      if (isSummed) this.#checksum = crc32BigEndian(this.#checksum, this.#blocks.read(logBlock));
      this.#advance(1);
      this.#countRecord();
    }
  }

  #readRevokes(block: Uint8Array): void {
    if (!hasValidTail(block, this.#journal)) {
      this.#hasBadTail = true;
      return;
    }
    const homes = parseRevokes(block, this.#journal);
    if (homes === undefined) throw this.#fault('a revoke block is longer than a block');
    for (const home of homes) {
      this.#revokedHomes.push(home);
      this.#countRecord();
    }
  }

  #countRecord(): void {
    if (++this.#recordCount <= MAX_RECORDS) return;
    throw new UnsupportedError(
      'journal-too-large',
      { structure: 'jbd2 journal' },
      `more than ${MAX_RECORDS} blocks wait to be replayed or are revoked; for a tighter map unmount the filesystem, or run e2fsck -f, and scan again`,
    );
  }

  #readCommit(block: Uint8Array): Step {
    const commit = parseCommit(block, this.#journal, this.#checksum);
    if (this.#interruptedAt !== undefined) {
      throw this.#fault(`transaction ${this.#interruptedAt} is damaged, and another follows`);
    }
    if (this.#hasBadTail || !commit.hasValidChecksum) {
      // Older than what came before: left from an earlier round of the log.
      if (commit.seconds < this.#lastCommitSeconds) return 'end';
      if (this.#hasBadTail || !this.#journal.hasAsyncCommit) {
        throw this.#fault(`transaction ${this.#sequence} has a wrong checksum`);
      }
      // An asynchronous commit block may reach the disk before its transaction does. If it was the
      // last one, the power was cut there; if another follows, it is damage.
      this.#interruptedAt = this.#sequence;
    } else {
      this.#transactions.push({
        sequence: this.#sequence,
        blocks: this.#pending,
        revokedHomes: this.#revokedHomes,
      });
      this.#lastCommitSeconds = commit.seconds;
    }
    this.#pending = [];
    this.#revokedHomes = [];
    this.#checksum = 0xffffffff;
    this.#sequence = (this.#sequence + 1) >>> 0;
    return 'go-on';
  }

  #advance(count: number): void {
    this.#passed += count;
    this.#position += count;
    if (this.#position < this.#journal.endBlock) return;
    // Kernels before 6.5 went on into the blocks of fast commits here, others wrap in front of them.
    if (this.#journal.hasFastCommit) {
      throw new UnsupportedError(
        'fast-commit-wrap',
        { structure: 'jbd2 journal' },
        'the log wraps around, and kernels do not agree where; for a tighter map unmount the filesystem, or run e2fsck -f, and scan again',
      );
    }
    this.#position = this.#journal.firstBlock;
  }

  #fault(message: string): CorruptError {
    return new CorruptError('bad-journal', { structure: 'jbd2 journal' }, message);
  }
}
