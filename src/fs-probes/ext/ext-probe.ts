/**
 * ext2, ext3 and ext4. The block bitmaps say what is used; everything whose place is fixed, and the
 * journal, is used whatever they say. Files are not walked.
 *
 * What is relied on, with sources, stands in docs/formats/ext4.md.
 */
import { UnsupportedError } from '../../errors/errors.ts';
import { RangeSet } from '../../ranges/range-set.ts';
import type { Claim, FsFacts, FsProbe, ScanOptions, ScanSink, Volume } from '../fs-probe.ts';
import { errorFlagFault, openFilesystem, type Filesystem } from './filesystem.ts';
import { groupFindings } from './findings.ts';
import { identifyExt, JOURNAL_TYPE } from './identify.ts';
import { findInternalJournal } from './journal/find-journal.ts';
import { JOURNAL_SUPERBLOCK_BYTES, parseJournalSuperblock } from './journal/journal-superblock.ts';
import { findUsedBlocks, reportUsed } from './report-used.ts';

export const extProbe: FsProbe = {
  name: 'ext',
  identify: identifyExt,
  // Every claim is a filesystem of its own: `identifyExt` gives no groups.
  scan: ([claim], _volumes, sink, options) => scanExt(claim!, sink, options),
};

function scanExt(claim: Claim, sink: ScanSink, options: ScanOptions): FsFacts {
  const { volume } = claim;
  if (claim.type === JOURNAL_TYPE) {
    // A log is never left out: whatever is in it may be replayed at the next mount.
    sink.use(volume, 'journal', 0, Math.min(claim.lengthBytes, volume.reader.sizeBytes));
    return { state: 'clean' };
  }
  const filesystem = openFilesystem(volume.reader);
  const { superblock, groups } = filesystem;
  const used = findUsedBlocks(filesystem, scanJournal(filesystem, volume, sink), 'strict');
  for (const finding of groupFindings(volume, superblock, used.freeBlocks)) sink.report(finding);
  const hasDescriptorChecksums = superblock.checksumKind !== 'none';
  reportUsed([used], volume, sink, options.lean && hasDescriptorChecksums);
  const freeClusters = groups.freeClusters.reduce((sum, count) => sum + count, 0);
  return {
    state: 'clean',
    freeBytes: freeClusters * superblock.clusterBlocks * superblock.blockBytes,
    features: [...superblock.features],
  };
}

function scanJournal(filesystem: Filesystem, volume: Volume, sink: ScanSink): RangeSet {
  const { superblock, reader, groups } = filesystem;
  if (!superblock.features.has('has_journal')) return RangeSet.empty;
  const isMarkedDirty = superblock.features.has('needs_recovery');
  if (superblock.journalInode === 0) {
    if (isMarkedDirty) throw replayNeeded();
    return RangeSet.empty;
  }
  const journal = findInternalJournal(reader, superblock, groups);
  if (journal.inodeFault !== undefined) {
    sink.report({
      level: 'warning',
      code: 'ext.journal-inode',
      text: `${volume.name}: the inode of the journal cannot be read, its copy in the superblock was used (${journal.inodeFault.message}). Run e2fsck`,
      startByte: volume.startByte,
    });
  }
  const { blocks } = journal;
  const startByte = blocks.startByteOf(0);
  const parsed = parseJournalSuperblock(
    reader.readAt(startByte, JOURNAL_SUPERBLOCK_BYTES),
    blocks.blockBytes,
    blocks.blockCount,
    { structure: 'jbd2 superblock', startByte },
  );
  if (parsed.hasErrorCode) throw errorFlagFault();
  if (isMarkedDirty || parsed.startBlock !== 0) throw replayNeeded();
  return journal.ranges;
}

function replayNeeded(): UnsupportedError {
  return new UnsupportedError(
    'journal-replay',
    { structure: 'jbd2 journal' },
    'the filesystem was not cleanly unmounted; unmount it or run e2fsck, and scan again',
  );
}
