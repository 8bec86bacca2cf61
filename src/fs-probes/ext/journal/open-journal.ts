/** The journal of a filesystem, wherever it is, and what it says about how it was left. */
import { UnsupportedError, type CorruptError } from '../../../errors/errors.ts';
import { RangeSet } from '../../../ranges/range-set.ts';
import type { Volume } from '../../fs-probe.ts';
import { errorFlagFault, type Filesystem } from '../filesystem.ts';
import { externalSuperblockBlock, findExternalJournal } from './external-journal.ts';
import { findInternalJournal } from './find-journal.ts';
import type { JournalBlocks } from './journal-blocks.ts';
import {
  JOURNAL_SUPERBLOCK_BYTES,
  parseJournalSuperblock,
  type JournalSuperblock,
} from './journal-superblock.ts';

export interface Journal {
  readonly blocks: JournalBlocks;
  readonly superblock: JournalSuperblock;
  /** What it takes of the filesystem itself; empty if it is on another device. */
  readonly ranges: RangeSet;
  /** Why its inode could not be used and the copy in the superblock was, if so. */
  readonly inodeFault: CorruptError | undefined;
}

/**
 * Undefined if there is no journal, or a clean filesystem has it on a device that is not here.
 * @throws {CorruptError} kind `bad-journal` and others if it cannot be read; kind `error-flag` if the
 *   kernel has recorded an error in it.
 * @throws {UnsupportedError} kind `external-journal` if it has to be replayed and is not here.
 */
export function openJournal(
  filesystem: Filesystem,
  volumes: readonly Volume[],
): Journal | undefined {
  const { superblock, reader, groups } = filesystem;
  if (!superblock.features.has('has_journal')) return undefined;
  if (superblock.journalInode !== 0) {
    const { blocks, ranges, inodeFault } = findInternalJournal(reader, superblock, groups);
    return { blocks, ranges, inodeFault, superblock: readSuperblockOf(blocks, 0) };
  }
  const blocks = findExternalJournal(superblock, volumes);
  if (blocks !== undefined) {
    const block = externalSuperblockBlock(blocks.blockBytes);
    const journalSuperblock = readSuperblockOf(blocks, block);
    if (journalSuperblock.userCount !== 1) {
      throw new UnsupportedError(
        'external-journal',
        { structure: 'external journal' },
        `is shared by ${journalSuperblock.userCount} filesystems`,
      );
    }
    return {
      blocks,
      ranges: RangeSet.empty,
      inodeFault: undefined,
      superblock: journalSuperblock,
    };
  }
  if (!superblock.features.has('needs_recovery')) return undefined;
  throw new UnsupportedError(
    'external-journal',
    { structure: 'ext superblock' },
    'the filesystem was not cleanly unmounted, and its journal is on a device that is not in this image; ' +
      'for a tighter map unmount it, or run e2fsck -f with that device, and scan again',
  );
}

/** True if there is something to replay, or the filesystem says so. */
export function needsReplay({ superblock }: Filesystem, journal: Journal): boolean {
  return superblock.features.has('needs_recovery') || journal.superblock.startBlock !== 0;
}

function readSuperblockOf(blocks: JournalBlocks, block: number): JournalSuperblock {
  const startByte = blocks.startByteOf(block);
  const bytes = blocks.reader.readAt(startByte, JOURNAL_SUPERBLOCK_BYTES);
  const place = { structure: 'jbd2 superblock', startByte };
  const parsed = parseJournalSuperblock(bytes, blocks.blockBytes, blocks.blockCount, place);
  if (parsed.hasErrorCode) throw errorFlagFault();
  return parsed;
}
