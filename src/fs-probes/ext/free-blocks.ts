/**
 * What the block bitmaps of all groups leave free, and which groups cannot be believed. A group in
 * doubt counts as used whole: its bitmap is the only thing that is wrong, its neighbours stand.
 */
import { crc32c } from '../../bytes/crc32c.ts';
import type { ImageReader } from '../../image/image-reader.ts';
import { RangeSet, RangeSetBuilder } from '../../ranges/range-set.ts';
import { forEachZeroRun } from './block-bitmap.ts';
import { blocksOfGroup } from './geometry.ts';
import type { GroupTable } from './group-descriptors.ts';
import type { Superblock } from './superblock.ts';

/** Neighbouring bitmaps are read together, up to this many bytes. */
const MAX_READ_BYTES = 1024 * 1024;

/**
 * A million runs: 16 MiB, and several times that while sets are combined. A filesystem that is more
 * fragmented than that is mapped without the free blocks of its remaining groups.
 */
const MAX_FREE_RUNS = 2 ** 20;

export interface FreeBlocks {
  /** In bytes of the filesystem, as everything here. */
  readonly free: RangeSet;
  /** The groups that are used whole because their bitmap is in doubt. */
  readonly distrusted: RangeSet;
  /** Groups whose bitmap does not match its checksum. */
  readonly badChecksumGroups: readonly number[];
  /** Groups whose bitmap contradicts the descriptor's count, or says that metadata is free. */
  readonly contradictingGroups: readonly number[];
  /** Groups that were left as used because there are too many free runs before them. */
  readonly skippedGroupCount: number;
}

/**
 * `strict`: bitmaps must match their checksums and counts. Before a journal is replayed they need
 * not, because bitmap and descriptor may have reached the disk at different times.
 */
export type Trust = 'strict' | 'lenient';

/** @param known what is used whatever the bitmaps say, in bytes of the filesystem. */
export function readFreeBlocks(
  reader: ImageReader,
  superblock: Superblock,
  groups: GroupTable,
  known: RangeSet,
  trust: Trust,
): FreeBlocks {
  const { blockBytes, clusterBlocks, groupCount } = superblock;
  const clusterBytes = blockBytes * clusterBlocks;
  const endByte = superblock.blockCount * blockBytes;
  const zeroBits = new RangeSetBuilder();
  const neverWritten = new RangeSetBuilder();
  const badChecksumGroups: number[] = [];
  let runCount = 0;
  let readableGroups = groupCount;
  for (const { group, bitmap } of readBitmaps(reader, superblock, groups)) {
    if (runCount > MAX_FREE_RUNS) {
      readableGroups = group;
      break;
    }
    const { firstBlock, blockCount } = blocksOfGroup(superblock, group);
    const groupStart = firstBlock * blockBytes;
    if (bitmap === undefined) {
      neverWritten.add(groupStart, groupStart + blockCount * blockBytes);
    } else if (trust === 'strict' && !hasValidChecksum(superblock, groups, group, bitmap)) {
      badChecksumGroups.push(group);
    } else {
      forEachZeroRun(bitmap, Math.ceil(blockCount / clusterBlocks), (startBit, endBit) => {
        runCount++;
        zeroBits.add(
          groupStart + startBit * clusterBytes,
          Math.min(groupStart + endBit * clusterBytes, endByte),
        );
      });
    }
  }
  // Known structures take whole clusters, as they do in the bitmap.
  const knownClusters = known.alignOut(clusterBytes, endByte);
  const freeBits = zeroBits.build();
  const free = freeBits.union(neverWritten.build()).subtract(knownClusters);
  const contradictingGroups =
    trust === 'lenient'
      ? []
      : findContradictions(superblock, groups, {
          free,
          knownButFree: freeBits.intersect(knownClusters),
          groupCount: readableGroups,
          alreadyDistrusted: new Set(badChecksumGroups),
        });
  const distrusted = bytesOfGroups(superblock, [...badChecksumGroups, ...contradictingGroups]);
  return {
    free: free.subtract(distrusted),
    distrusted,
    badChecksumGroups,
    contradictingGroups,
    skippedGroupCount: groupCount - readableGroups,
  };
}

interface GroupBitmap {
  readonly group: number;
  /** Undefined if it was never written: then only known structures are used in the group. */
  readonly bitmap: Uint8Array | undefined;
}

/** The bitmaps of all groups in order. With flex_bg they are neighbours and come with one read. */
function* readBitmaps(
  reader: ImageReader,
  { blockBytes, groupCount }: Superblock,
  { blockBitmapBlock, isBlockBitmapUnwritten }: GroupTable,
): Generator<GroupBitmap> {
  const maxBlocks = MAX_READ_BYTES / blockBytes;
  let bytes: Uint8Array = new Uint8Array(0);
  let readStart = 0;
  let readEnd = 0;
  for (let group = 0; group < groupCount; group++) {
    if (isBlockBitmapUnwritten[group] === 1) {
      yield { group, bitmap: undefined };
      continue;
    }
    const block = blockBitmapBlock[group]!;
    if (block < readStart || block >= readEnd) {
      let count = 1;
      while (
        count < maxBlocks &&
        blockBitmapBlock[group + count] === block + count &&
        isBlockBitmapUnwritten[group + count] === 0
      ) {
        count++;
      }
      bytes = reader.readAt(block * blockBytes, count * blockBytes);
      readStart = block;
      readEnd = block + count;
    }
    const offset = (block - readStart) * blockBytes;
    yield { group, bitmap: bytes.subarray(offset, offset + blockBytes) };
  }
}

function hasValidChecksum(
  { checksumKind, checksumSeed, clustersPerGroup, descriptorBytes }: Superblock,
  { blockBitmapChecksum }: GroupTable,
  group: number,
  bitmap: Uint8Array,
): boolean {
  if (checksumKind !== 'crc32c') return true;
  const computed = crc32c(checksumSeed, bitmap, 0, clustersPerGroup / 8);
  // A descriptor of 32 bytes has room for the lower half only.
  const kept = descriptorBytes >= 64 ? computed : computed & 0xffff;
  return kept === blockBitmapChecksum[group];
}

interface BitmapFacts {
  readonly free: RangeSet;
  /** Known structures that their bitmap calls free. */
  readonly knownButFree: RangeSet;
  /** How many groups were read. */
  readonly groupCount: number;
  readonly alreadyDistrusted: ReadonlySet<number>;
}

/** The groups that have another number of free clusters than the descriptor counts, or call known structures free. */
function findContradictions(
  superblock: Superblock,
  { freeClusters }: GroupTable,
  { free, knownButFree, groupCount, alreadyDistrusted }: BitmapFacts,
): readonly number[] {
  const found = clustersPerGroupIn(free, superblock);
  const wronglyFree = clustersPerGroupIn(knownButFree, superblock);
  const groups: number[] = [];
  for (let group = 0; group < groupCount; group++) {
    if (alreadyDistrusted.has(group)) continue;
    if (found[group] !== freeClusters[group] || wronglyFree[group] !== 0) groups.push(group);
  }
  return groups;
}

/** How many clusters of `set` lie in each group. A run may reach over many groups. */
function clustersPerGroupIn(
  set: RangeSet,
  { blockBytes, clusterBlocks, blocksPerGroup, firstDataBlock, groupCount }: Superblock,
): Uint32Array {
  const clusterBytes = blockBytes * clusterBlocks;
  const groupBytes = blocksPerGroup * blockBytes;
  const firstByte = firstDataBlock * blockBytes;
  const counts = new Uint32Array(groupCount);
  for (const { startByte, endByte } of set) {
    let at = startByte;
    while (at < endByte) {
      const group = Math.floor((at - firstByte) / groupBytes);
      const end = Math.min(endByte, firstByte + (group + 1) * groupBytes);
      counts[group]! += Math.ceil((end - at) / clusterBytes);
      at = end;
    }
  }
  return counts;
}

function bytesOfGroups(superblock: Superblock, groups: readonly number[]): RangeSet {
  const builder = new RangeSetBuilder();
  for (const group of groups) {
    const { firstBlock, blockCount } = blocksOfGroup(superblock, group);
    builder.add(
      firstBlock * superblock.blockBytes,
      (firstBlock + blockCount) * superblock.blockBytes,
    );
  }
  return builder.build();
}
