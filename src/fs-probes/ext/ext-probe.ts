/**
 * ext2, ext3 and ext4. The block bitmaps say what is used; everything whose place is fixed, and the
 * journal, is used whatever they say. Files are not walked.
 *
 * A filesystem that was not cleanly unmounted is read twice: as it lies in the image, for programs that
 * do not replay a journal (boot loaders, e2fsck -n), and as it will be after the replay. Both count.
 *
 * What is relied on, with sources, stands in docs/formats/ext4.md.
 */
import { RangeSet } from '../../ranges/range-set.ts';
import type {
  Claim,
  FsFacts,
  FsProbe,
  FsState,
  ScanOptions,
  ScanSink,
  Volume,
} from '../fs-probe.ts';
import { openFilesystem, type Filesystem } from './filesystem.ts';
import { groupFindings, journalInodeFinding, replayedFinding } from './findings.ts';
import { identifyExt, JOURNAL_TYPE } from './identify.ts';
import { needsReplay, openJournal, type Journal } from './journal/open-journal.ts';
import { replayFilesystem } from './journal/replay-filesystem.ts';
import { findUsedBlocks, reportUsed } from './used-blocks.ts';

export const extProbe: FsProbe = {
  name: 'ext',
  checkCommand: 'e2fsck -f',
  identify: identifyExt,
  // Every claim is a filesystem of its own: `identifyExt` gives no groups.
  scan: ([claim], volumes, sink, options) => scanExt(claim!, volumes, sink, options),
};

function scanExt(
  { volume, type, lengthBytes }: Claim,
  volumes: readonly Volume[],
  sink: ScanSink,
  options: ScanOptions,
): FsFacts {
  if (type === JOURNAL_TYPE) {
    // A log is never left out: whatever is in it may be replayed at the next mount.
    sink.use(volume, 'journal', 0, Math.min(lengthBytes, volume.reader.sizeBytes));
    return { state: 'clean' };
  }
  const filesystem = openFilesystem(volume.reader);
  const journal = openJournal(filesystem, volumes);
  if (journal?.inodeFault !== undefined) {
    sink.report(journalInodeFinding(volume, journal.inodeFault));
  }
  return journal !== undefined && needsReplay(filesystem, journal)
    ? scanDirty(filesystem, journal, volume, sink)
    : scanClean(filesystem, journal?.ranges ?? RangeSet.empty, volume, sink, options);
}

function scanClean(
  filesystem: Filesystem,
  journalRanges: RangeSet,
  volume: Volume,
  sink: ScanSink,
  { lean }: ScanOptions,
): FsFacts {
  const { superblock } = filesystem;
  const { used, freeBlocks } = findUsedBlocks(filesystem, journalRanges, 'strict');
  for (const finding of groupFindings(volume, superblock, freeBlocks)) sink.report(finding);
  // Only filesystems with descriptor checksums know which inodes were never used.
  const unusedInodes = used.get('unused-inodes') ?? RangeSet.empty;
  // A group in doubt is used whole, and so are unused inodes that lie in it.
  const leftOut = lean ? unusedInodes.subtract(freeBlocks.distrusted) : RangeSet.empty;
  reportUsed([used], leftOut, volume, sink);
  return factsOf(filesystem, 'clean');
}

function scanDirty(before: Filesystem, journal: Journal, volume: Volume, sink: ScanSink): FsFacts {
  const { after, transactionCount, fastCommitRanges } = replayFilesystem(before, journal);
  const usedBefore = findUsedBlocks(before, journal.ranges, 'lenient').used;
  const { used: usedAfter, freeBlocks } = findUsedBlocks(after, journal.ranges, 'strict');
  for (const finding of groupFindings(volume, after.superblock, freeBlocks)) sink.report(finding);
  const allAfter = usedAfter.get('data')!.union(fastCommitRanges);
  const addedBytes = allAfter.subtract(usedBefore.get('data')!).lengthBytes;
  const addedBlocks = addedBytes / after.superblock.blockBytes;
  sink.report(replayedFinding(volume, transactionCount, addedBlocks));
  const views = [usedBefore, usedAfter, new Map([['data', fastCommitRanges]] as const)];
  reportUsed(views, RangeSet.empty, volume, sink);
  return factsOf(after, 'replayed');
}

function factsOf({ superblock, groups }: Filesystem, state: FsState): FsFacts {
  const freeClusters = groups.freeClusters.reduce((sum, count) => sum + count, 0);
  return {
    state,
    freeBytes: freeClusters * superblock.clusterBlocks * superblock.blockBytes,
    features: [...superblock.features],
  };
}
