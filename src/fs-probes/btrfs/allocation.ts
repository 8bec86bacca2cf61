/**
 * Puts together what a filesystem uses, in logical addresses, from the trees that record it. Everything
 * here can be done without: if any of it is damaged, the chunks alone say what is allocated.
 */
import { CorruptError, type Place } from '../../errors/errors.ts';
import type { Finding } from '../../errors/finding.ts';
import { RangeSet, RangeSetBuilder } from '../../ranges/range-set.ts';
import type { ScanSink } from '../fs-probe.ts';
import type { ChunkMap } from './chunk-map.ts';
import {
  checkLogIsInChunks,
  checkNodesAreExtents,
  checkUsedBytes,
  compareFreeSpace,
  findMiscountedChunks,
} from './cross-check.ts';
import { readDeviceTree, type DeviceTree } from './device-tree.ts';
import { readBlockGroupTree, readExtentTree, type Extents } from './extent-tree.ts';
import { hasBlockGroupTree, hasValidFreeSpaceTree } from './features.ts';
import { readFreeSpaceTree } from './free-space-tree.ts';
import { readLogTrees, type LogExtents } from './log-tree.ts';
import type { NodeReader } from './node-reader.ts';
import {
  BLOCK_GROUP_TREE,
  DEVICE_TREE,
  EXTENT_TREE,
  FREE_SPACE_TREE,
  readRoots,
} from './root-tree.ts';
import type { Superblock } from './superblock.ts';
import type { TreeRoot } from './tree-node.ts';

/** Everything in use, in logical addresses. The sets may overlap. */
export interface Allocation {
  readonly data: RangeSet;
  readonly metadata: RangeSet;
  readonly log: LogExtents;
  /** Used according to one record and not another, or not countable. */
  readonly doubtful: RangeSet;
  readonly deviceTree: DeviceTree;
}

/**
 * Reads all trees that record allocation and compares them.
 * @param logRootTrees the logs to be replayed, if there are any.
 * @param sink gets warnings of what disagreed and is mapped in doubt.
 * @throws {CorruptError} if the records cannot be trusted.
 */
export function readAllocation(
  reader: NodeReader,
  superblock: Superblock,
  chunks: ChunkMap,
  logRootTrees: readonly TreeRoot[],
  sink: ScanSink,
): Allocation {
  const { sectorSize, features } = superblock;
  const nodes = new RangeSetBuilder();
  const onNode = (logicalByte: number) => nodes.add(logicalByte, logicalByte + reader.nodeSize);
  const roots = readRoots(reader, superblock.rootTree, onNode);
  const deviceTree = readDeviceTree(reader, rootOf(roots, DEVICE_TREE), onNode);
  let extents = readExtentTree(reader, rootOf(roots, EXTENT_TREE), sectorSize, onNode);
  if (hasBlockGroupTree(features)) {
    const root = rootOf(roots, BLOCK_GROUP_TREE);
    extents = { ...extents, blockGroups: readBlockGroupTree(reader, root, onNode) };
  }
  const log = readLogTrees(reader, logRootTrees, sectorSize);
  checkLogIsInChunks(log, chunks);
  const miscounted = findMiscountedChunks(chunks, extents);
  if (miscounted.isEmpty) checkUsedBytes(superblock.usedBytes, extents);
  else sink.report(miscountFinding(miscounted));
  const disputed = hasValidFreeSpaceTree(features)
    ? crossCheckFreeSpace(reader, roots, sectorSize, chunks, extents, onNode, sink)
    : RangeSet.empty;
  checkNodesAreExtents(nodes.build(), extents);
  const { data, metadata } = extents;
  return { data, metadata, log, doubtful: miscounted.union(disputed), deviceTree };
}

type Roots = ReturnType<typeof readRoots>;

/** Used by the free space tree alone. The extent tree stands, whatever the cache is like. */
function crossCheckFreeSpace(
  reader: NodeReader,
  roots: Roots,
  sectorSize: number,
  chunks: ChunkMap,
  extents: Extents,
  onNode: (logicalByte: number) => void,
  sink: ScanSink,
): RangeSet {
  let free: RangeSet;
  try {
    free = readFreeSpaceTree(reader, rootOf(roots, FREE_SPACE_TREE), sectorSize, onNode);
  } catch (error) {
    if (!(error instanceof CorruptError)) throw error;
    const text = `the free space tree cannot be read, so the extent tree was believed alone: ${error.message}. Run btrfs check and scan again`;
    sink.report({ level: 'warning', code: 'btrfs.free-space-tree-unreadable', text });
    return RangeSet.empty;
  }
  const { usedOnlyHere, freeButUsed } = compareFreeSpace(chunks, extents, free);
  if (usedOnlyHere.isEmpty && freeButUsed.isEmpty) return RangeSet.empty;
  const text =
    `extent tree and free space tree disagree: ${usedOnlyHere.lengthBytes} bytes are used by the ` +
    `second alone, ${freeButUsed.lengthBytes} by the first alone; both are mapped. Run btrfs check and scan again`;
  sink.report({ level: 'warning', code: 'btrfs.free-space-tree', text });
  return usedOnlyHere;
}

function rootOf(roots: Roots, wanted: number): TreeRoot {
  const found = roots.filter(({ objectid }) => objectid === wanted);
  const [first] = found;
  if (first !== undefined && found.length === 1) return first.root;
  const place: Place = { structure: 'btrfs root tree' };
  throw new CorruptError('root-missing', place, `has ${found.length} roots of tree ${wanted}`);
}

function miscountFinding(miscounted: RangeSet): Finding {
  const text =
    `${miscounted.lengthBytes} bytes in block groups whose count of used bytes does not fit their ` +
    'extents; these block groups are mapped whole. Run btrfs check and scan again';
  return { level: 'warning', code: 'btrfs.block-group-count', text };
}
