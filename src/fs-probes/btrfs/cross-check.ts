/**
 * Compares the extent tree with what else the filesystem records of its allocation: the counts of its
 * block groups and of its superblock, the free space tree, and the tree nodes that were read. What
 * disagrees is mapped by whichever says more.
 */
import { CorruptError, type Place } from '../../errors/errors.ts';
import { RangeSetBuilder, type RangeSet } from '../../ranges/range-set.ts';
import type { Chunk } from './chunk-item.ts';
import type { ChunkMap } from './chunk-map.ts';
import type { Extents } from './extent-tree.ts';
import type { LogExtents } from './log-tree.ts';

const place: Place = { structure: 'btrfs extent tree' };

/**
 * Logical addresses of all chunks whose block group counts other than its extents, or has no count.
 * @throws {CorruptError} if an extent lies in no chunk, or a block group is not one chunk.
 */
export function findMiscountedChunks(chunks: ChunkMap, extents: Extents): RangeSet {
  const usedBytes = new Map<Chunk, number>();
  for (const { chunk, startByte, endByte } of chunks.parts(extents.data.union(extents.metadata))) {
    usedBytes.set(chunk, (usedBytes.get(chunk) ?? 0) + endByte - startByte);
  }
  const counted = new Set<Chunk>();
  for (const { logicalByte, lengthBytes, usedBytes: count } of extents.blockGroups) {
    const chunk = chunks.find(logicalByte);
    if (chunk?.logicalByte !== logicalByte || chunk.lengthBytes !== lengthBytes) {
      throw new CorruptError('block-group', place, `block group ${logicalByte} is not one chunk`);
    }
    if (count === (usedBytes.get(chunk) ?? 0)) counted.add(chunk);
  }
  const miscounted = new RangeSetBuilder();
  for (const chunk of chunks.chunks) {
    if (!counted.has(chunk)) addChunk(miscounted, chunk);
  }
  return miscounted.build();
}

/** @throws {CorruptError} if a node that was read is not in the extent tree. */
export function checkNodesAreExtents(nodesRead: RangeSet, extents: Extents): void {
  const missing = nodesRead.subtract(extents.metadata);
  if (missing.isEmpty) return;
  const { startByte } = missing.at(0);
  const message = `does not know the tree node at logical address ${startByte}, which is in use`;
  throw new CorruptError('extent-missing', place, message);
}

/** @throws {CorruptError} if a log names an extent that lies in no chunk. */
export function checkLogIsInChunks(log: LogExtents, chunks: ChunkMap): void {
  const stray = log.data.subtract(allChunks(chunks));
  if (stray.isEmpty) return;
  const { startByte } = stray.at(0);
  const message = `names an extent at logical address ${startByte}, which is in no chunk`;
  throw new CorruptError('outside-chunks', { structure: 'btrfs log tree' }, message);
}

/** @throws {CorruptError} if the superblock counts other than the extents and block groups do. */
export function checkUsedBytes(superblockCount: number, extents: Extents): void {
  const found = extents.data.lengthBytes + extents.metadata.lengthBytes;
  if (found === superblockCount) return;
  const message = `has ${found} bytes of extents, but the superblock counts ${superblockCount}`;
  throw new CorruptError('used-bytes', place, message);
}

/** What the free space tree calls used and the extent tree does not, and the other way round. */
export function compareFreeSpace(
  chunks: ChunkMap,
  extents: Extents,
  free: RangeSet,
): { readonly usedOnlyHere: RangeSet; readonly freeButUsed: RangeSet } {
  const all = allChunks(chunks);
  const used = extents.data.union(extents.metadata);
  return {
    usedOnlyHere: all.subtract(free).subtract(used),
    freeButUsed: free.intersect(used),
  };
}

/** The logical addresses of all chunks. */
export function allChunks(chunks: ChunkMap): RangeSet {
  const set = new RangeSetBuilder();
  for (const chunk of chunks.chunks) addChunk(set, chunk);
  return set.build();
}

function addChunk(set: RangeSetBuilder, { logicalByte, lengthBytes }: Chunk): void {
  set.add(logicalByte, logicalByte + lengthBytes);
}
