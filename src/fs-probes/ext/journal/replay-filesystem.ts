import { CorruptError } from '../../../errors/errors.ts';
import { RangeSetBuilder, type RangeSet } from '../../../ranges/range-set.ts';
import { openFilesystem, type Filesystem } from '../filesystem.ts';
import type { Superblock } from '../superblock.ts';
import { readFastCommits } from './fast-commit.ts';
import type { Journal } from './open-journal.ts';
import { readLog } from './read-log.ts';
import { replay } from './replay.ts';

/** A filesystem as it will be after the next mount. */
export interface ReplayedFilesystem {
  readonly after: Filesystem;
  readonly transactionCount: number;
  /** What fast commits add, in bytes of the filesystem. */
  readonly fastCommitRanges: RangeSet;
}

/**
 * @throws {CorruptError | UnsupportedError} if the journal was not understood whole, or does not lead
 *   to a filesystem that can be read.
 */
export function replayFilesystem(before: Filesystem, journal: Journal): ReplayedFilesystem {
  const { blocks, superblock } = journal;
  const { transactions, nextSequence } = readLog(blocks, superblock);
  const after = openFilesystem(replay(before.reader, blocks, superblock, transactions));
  const fastCommitRanges = new RangeSetBuilder();
  // With an empty log nothing at all is replayed, fast commits neither.
  if (superblock.hasFastCommit && superblock.startBlock !== 0) {
    for (const { firstBlock, blockCount } of readFastCommits(blocks, superblock, nextSequence)) {
      addClusters(fastCommitRanges, after.superblock, firstBlock, blockCount);
    }
  }
  return {
    after,
    transactionCount: transactions.length,
    fastCommitRanges: fastCommitRanges.build(),
  };
}

/** Adds whole clusters: what one block of them is given to, all of them are. */
function addClusters(
  builder: RangeSetBuilder,
  { blockBytes, clusterBlocks, firstDataBlock, blockCount: endBlock }: Superblock,
  firstBlock: number,
  blockCount: number,
): void {
  if (firstBlock <= firstDataBlock || blockCount === 0 || firstBlock + blockCount > endBlock) {
    throw new CorruptError(
      'bad-fast-commit',
      { structure: 'fast commit area' },
      `${blockCount} blocks at ${firstBlock} lie outside of the filesystem`,
    );
  }
  const start = Math.floor(firstBlock / clusterBlocks) * clusterBlocks;
  const end = Math.ceil((firstBlock + blockCount) / clusterBlocks) * clusterBlocks;
  builder.add(start * blockBytes, Math.min(end, endBlock) * blockBytes);
}
