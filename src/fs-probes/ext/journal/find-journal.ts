/**
 * Finds the journal of a filesystem: the file that `s_journal_inum` names, or the copy of its block
 * list in the superblock if that inode cannot be read.
 */
import { crc32c } from '../../../bytes/crc32c.ts';
import { toSafeNumber } from '../../../bytes/safe-number.ts';
import { CorruptError } from '../../../errors/errors.ts';
import type { ImageReader } from '../../../image/image-reader.ts';
import { type RangeSet, RangeSetBuilder } from '../../../ranges/range-set.ts';
import { littleEndian32 } from '../checksum.ts';
import { isExtentRoot } from '../extent-tree.ts';
import { readFileBlocks } from '../file-blocks.ts';
import type { GroupTable } from '../group-descriptors.ts';
import { type FileInode, readFileInode } from '../inode.ts';
import { superblockLayout } from '../superblock-layout.ts';
import type { Superblock } from '../superblock.ts';
import { JournalBlocks } from './journal-blocks.ts';

export interface InternalJournal {
  readonly blocks: JournalBlocks;
  /** Every block that belongs to the file, in bytes of the filesystem. */
  readonly ranges: RangeSet;
  /** Why the inode itself could not be used, if it could not. */
  readonly inodeFault: CorruptError | undefined;
}

/** @throws {CorruptError} if neither the inode nor its copy leads to the blocks of the journal. */
export function findInternalJournal(
  reader: ImageReader,
  superblock: Superblock,
  groups: GroupTable,
): InternalJournal {
  try {
    const inode = readFileInode(reader, superblock, groups, superblock.journalInode);
    return openJournal(reader, superblock, inode, undefined);
  } catch (error) {
    if (!(error instanceof CorruptError) || superblock.journalBackup === undefined) throw error;
    return openJournal(reader, superblock, backupInode(superblock), error);
  }
}

function openJournal(
  reader: ImageReader,
  superblock: Superblock,
  inode: FileInode,
  inodeFault: CorruptError | undefined,
): InternalJournal {
  const { blockBytes } = superblock;
  const { runs, mapBlocks } = readFileBlocks(reader, superblock, inode);
  const blockCount = Math.floor(inode.sizeBytes / blockBytes);
  if (blockCount === 0) {
    throw new CorruptError('bad-inode', { structure: 'journal inode' }, 'the file is empty');
  }
  const builder = new RangeSetBuilder();
  for (const { firstBlock, blockCount: count } of runs) {
    builder.add(firstBlock * blockBytes, (firstBlock + count) * blockBytes);
  }
  for (const block of mapBlocks) builder.add(block * blockBytes, (block + 1) * blockBytes);
  const blocks = new JournalBlocks(reader, blockBytes, blockCount, runs);
  return { blocks, ranges: builder.build(), inodeFault };
}

function backupInode(superblock: Superblock): FileInode {
  const { blockField, sizeBytes } = superblock.journalBackup!;
  const number = superblock.journalInode;
  const place = { structure: superblockLayout.name };
  return {
    number,
    sizeBytes: toSafeNumber(sizeBytes, 'size of the journal', place),
    blockField,
    usesExtents: isExtentRoot(blockField),
    // The copy has no generation; that of a journal inode is 0.
    checksumSeed: crc32c(
      crc32c(superblock.checksumSeed, littleEndian32(number)),
      littleEndian32(0),
    ),
  };
}
