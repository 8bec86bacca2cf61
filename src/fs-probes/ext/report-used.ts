/**
 * Hands to the driver what one or two views of a filesystem use: one for a clean filesystem, and the
 * two states before and after the replay for one with a dirty journal, which are united.
 */
import type { ExtentKind, ScanSink, Volume } from '../fs-probe.ts';
import { RangeSet } from '../../ranges/range-set.ts';
import type { Filesystem } from './filesystem.ts';
import { readFreeBlocks, type FreeBlocks, type Trust } from './free-blocks.ts';
import { allMetadata } from './static-metadata.ts';
import { CorruptError } from '../../errors/errors.ts';
import { superblockLayout } from './superblock.ts';

/** What one view of a filesystem uses, in bytes of the filesystem. */
export interface UsedBlocks {
  readonly byKind: ReadonlyMap<ExtentKind, RangeSet>;
  readonly freeBlocks: FreeBlocks;
}

/**
 * @param journal the blocks of the journal, used whatever the bitmaps say.
 * @throws {CorruptError} kind `overlapping-metadata` if the journal lies on other metadata.
 */
export function findUsedBlocks(
  { reader, superblock, groups, metadata }: Filesystem,
  journal: RangeSet,
  trust: Trust,
): UsedBlocks {
  const structures = allMetadata(metadata);
  if (!structures.intersect(journal).isEmpty) {
    throw new CorruptError(
      'overlapping-metadata',
      { structure: superblockLayout.name },
      'the journal lies on blocks of other metadata; run e2fsck and scan again',
    );
  }
  const known = structures.union(journal);
  const freeBlocks = readFreeBlocks(reader, superblock, groups, known, trust);
  const used = freeBlocks.free.complementWithin(0, superblock.blockCount * superblock.blockBytes);
  const byKind = new Map<ExtentKind, RangeSet>([...metadata, ['journal', journal], ['data', used]]);
  return { byKind, freeBlocks };
}

/** A byte that belongs to several kinds in different views is reported as the first of these. */
const KINDS: readonly ExtentKind[] = [
  'journal',
  'boot',
  'superblock',
  'descriptors',
  'bitmap',
  'inode-table',
  'metadata',
  'unused-inodes',
  'data',
];

/** @param lean leave out the tails of inode tables that were never used. */
export function reportUsed(
  views: readonly UsedBlocks[],
  volume: Volume,
  sink: ScanSink,
  lean: boolean,
): void {
  let reported = RangeSet.empty;
  for (const kind of KINDS) {
    const used = views
      .map(({ byKind }) => byKind.get(kind) ?? RangeSet.empty)
      .reduce((all, set) => all.union(set));
    const toReport = kind === 'unused-inodes' && lean ? inDoubt(used, views) : used;
    for (const { startByte, endByte } of toReport.subtract(reported)) {
      sink.use(volume, kind, startByte, endByte);
    }
    reported = reported.union(used);
  }
}

/** A group that is used whole is not leaner for unused inodes that lie in it. */
function inDoubt(set: RangeSet, views: readonly UsedBlocks[]): RangeSet {
  return views
    .map(({ freeBlocks }) => freeBlocks.distrusted)
    .reduce((all, distrusted) => all.union(distrusted))
    .intersect(set);
}
