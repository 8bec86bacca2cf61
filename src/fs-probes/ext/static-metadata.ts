/**
 * Everything whose place follows from the superblock and the descriptors: boot block, superblocks,
 * descriptors, bitmaps, inode tables, multi-mount record. Used whatever any bitmap says, and the only
 * record of use in groups whose bitmap was never written.
 */
import { CorruptError } from '../../errors/errors.ts';
import { RangeSet, RangeSetBuilder } from '../../ranges/range-set.ts';
import {
  blocksOfGroup,
  descriptorBlocksOfGroup,
  hasSuperblockCopy,
  primarySuperblockBlock,
  superblockBlock,
} from './geometry.ts';
import type { GroupTable } from './group-descriptors.ts';
import { superblockLayout } from './superblock-layout.ts';
import type { Superblock } from './superblock.ts';

const KINDS = [
  'boot',
  'superblock',
  'descriptors',
  'bitmap',
  'inode-table',
  'unused-inodes',
  'metadata',
] as const;

type StaticKind = (typeof KINDS)[number];

/** Ranges are bytes of the filesystem. The kinds do not overlap. */
export type StaticMetadata = ReadonlyMap<StaticKind, RangeSet>;

/** @throws {CorruptError} kind `overlapping-metadata` if two structures share a block. */
export function locateStaticMetadata(superblock: Superblock, groups: GroupTable): StaticMetadata {
  const collector = new Collector(superblock);
  const { mmpBlock, inodeTableBlocks, inodeBytes, inodesPerGroup, blockBytes } = superblock;
  collector.add('boot', 0, primarySuperblockBlock(superblock));
  if (mmpBlock !== 0) collector.add('metadata', mmpBlock, 1);
  for (let group = 0; group < superblock.groupCount; group++) {
    if (hasSuperblockCopy(superblock, group)) {
      collector.add('superblock', superblockBlock(superblock, group), 1);
    }
    const descriptors = descriptorBlocksOfGroup(superblock, group);
    const { firstBlock, blockCount } = blocksOfGroup(superblock, group);
    if (descriptors.blockCount > 0) {
      // A short last group may have room for a part of its copies only.
      const room = Math.max(firstBlock + blockCount - descriptors.firstBlock, 0);
      const count = Math.min(descriptors.blockCount, room);
      collector.add('descriptors', descriptors.firstBlock, count);
    }
    collector.add('bitmap', groups.blockBitmapBlock[group]!, 1);
    collector.add('bitmap', groups.inodeBitmapBlock[group]!, 1);
    const usedInodes = inodesPerGroup - groups.unusedInodes[group]!;
    const usedBlocks = Math.ceil((usedInodes * inodeBytes) / blockBytes);
    const table = groups.inodeTableBlock[group]!;
    collector.add('inode-table', table, usedBlocks);
    collector.add('unused-inodes', table + usedBlocks, inodeTableBlocks - usedBlocks);
  }
  return collector.finish();
}

/** All kinds together. */
export function allMetadata(metadata: StaticMetadata): RangeSet {
  const builder = new RangeSetBuilder();
  for (const set of metadata.values()) builder.addAll(set);
  return builder.build();
}

class Collector {
  readonly #blockBytes: number;
  readonly #builders = new Map(KINDS.map((kind) => [kind, new RangeSetBuilder()]));
  #addedBytes = 0;

  constructor({ blockBytes }: Superblock) {
    this.#blockBytes = blockBytes;
  }

  add(kind: StaticKind, firstBlock: number, blockCount: number): void {
    const startByte = firstBlock * this.#blockBytes;
    const lengthBytes = blockCount * this.#blockBytes;
    this.#builders.get(kind)!.add(startByte, startByte + lengthBytes);
    this.#addedBytes += lengthBytes;
  }

  finish(): StaticMetadata {
    const metadata = new Map([...this.#builders].map(([kind, builder]) => [kind, builder.build()]));
    // Together they are as long as the sum of the parts only if no two of them share a byte.
    if (allMetadata(metadata).lengthBytes !== this.#addedBytes) {
      throw new CorruptError(
        'overlapping-metadata',
        { structure: superblockLayout.name },
        'descriptors place two structures on the same block',
      );
    }
    return metadata;
  }
}
