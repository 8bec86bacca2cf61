/** From one view of a filesystem to what it uses, and from there to the driver. */
import { CorruptError } from '../../errors/errors.ts';
import { RangeSet } from '../../ranges/range-set.ts';
import type { ExtentKind, ScanSink, Volume } from '../fs-probe.ts';
import type { Filesystem } from './filesystem.ts';
import { readFreeBlocks, type FreeBlocks, type Trust } from './free-blocks.ts';
import { allMetadata } from './static-metadata.ts';
import { superblockLayout } from './superblock-layout.ts';

/** In bytes of the filesystem. The kind `data` holds everything, the others are parts of it. */
export type UsedBlocks = ReadonlyMap<ExtentKind, RangeSet>;

/**
 * @param journal the blocks of the journal, used whatever the bitmaps say.
 * @throws {CorruptError} kind `overlapping-metadata` if the journal lies on other metadata.
 */
export function findUsedBlocks(
  { reader, superblock, groups, metadata }: Filesystem,
  journal: RangeSet,
  trust: Trust,
): { readonly used: UsedBlocks; readonly freeBlocks: FreeBlocks } {
  const structures = allMetadata(metadata);
  if (!structures.intersect(journal).isEmpty) {
    throw new CorruptError(
      'overlapping-metadata',
      { structure: superblockLayout.name },
      'the journal lies on blocks of other metadata',
    );
  }
  const known = structures.union(journal);
  const freeBlocks = readFreeBlocks(reader, superblock, groups, known, trust);
  const all = freeBlocks.free.complementWithin(0, superblock.blockCount * superblock.blockBytes);
  return { used: new Map([...metadata, ['journal', journal], ['data', all]]), freeBlocks };
}

/** A byte that has several kinds, or other kinds in other views, is reported as the first of these. */
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

/**
 * Reports the union of the views. @param leftOut unused inodes that need not be mapped.
 */
export function reportUsed(
  views: readonly UsedBlocks[],
  leftOut: RangeSet,
  volume: Volume,
  sink: ScanSink,
): void {
  let done = leftOut;
  for (const kind of KINDS) {
    for (const view of views) {
      const used = (view.get(kind) ?? RangeSet.empty).subtract(done);
      for (const { startByte, endByte } of used) sink.use(volume, kind, startByte, endByte);
      done = done.union(used);
    }
  }
}
