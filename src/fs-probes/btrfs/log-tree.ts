/**
 * Reads what fsync left since the last commit: a root tree of logs, and one log tree for each subvolume
 * that was synced. The next mount replays them. Neither their nodes nor the extents of the files in them
 * are in the extent tree, so a reader that skips them takes the synced files for free space.
 * Checksum items in a log need nothing of their own: they speak of the same extents.
 * Source: Linux fs/btrfs/tree-log.c, `btrfs_recover_log_trees`; `struct btrfs_file_extent_item`.
 */
import { RangeSetBuilder, type RangeSet } from '../../ranges/range-set.ts';
import type { NodeReader } from './node-reader.ts';
import { readRoots } from './root-tree.ts';
import { corruptNode, readU64, type TreeRoot } from './tree-node.ts';
import { walkTree } from './tree-walk.ts';

const EXTENT_DATA_KEY = 108;
const TYPE_START = 20;
const INLINE = 0;
const REGULAR = 1;
const PREALLOCATED = 2;
/** A regular or preallocated extent item has this length, always. */
const EXTENT_DATA_BYTES = 53;

/** In logical addresses. */
export interface LogExtents {
  readonly nodes: RangeSet;
  readonly data: RangeSet;
}

/**
 * @param logRootTrees the roots that the superblocks name: more than one if a power cut hit between the
 *   devices, and then either may be replayed.
 * @throws {CorruptError} if a log is damaged, or names an extent that cannot be.
 */
export function readLogTrees(
  reader: NodeReader,
  logRootTrees: readonly TreeRoot[],
  sectorSize: number,
): LogExtents {
  const nodes = new RangeSetBuilder();
  const data = new RangeSetBuilder();
  // Logs share no nodes, so all of them together have no more than the devices have room for.
  let nodesLeft = reader.mostNodes * logRootTrees.length;
  const onNode = (logicalByte: number) => {
    if (--nodesLeft < 0)
      throw corruptNode(logicalByte, 'is one of more log nodes than there can be');
    nodes.add(logicalByte, logicalByte + reader.nodeSize);
  };
  for (const logRootTree of logRootTrees) {
    for (const { root } of readRoots(reader, logRootTree, onNode)) {
      walkTree(
        reader,
        root,
        (objectid, type, _offset, item, leaf) => {
          if (type === EXTENT_DATA_KEY) addFileExtent(data, item, sectorSize, objectid, leaf);
        },
        onNode,
      );
    }
  }
  return { nodes: nodes.build(), data: data.build() };
}

function addFileExtent(
  data: RangeSetBuilder,
  item: DataView,
  sectorSize: number,
  inode: number,
  leaf: number,
): void {
  const type = item.byteLength > TYPE_START ? item.getUint8(TYPE_START) : -1;
  if (type === INLINE) return;
  if ((type !== REGULAR && type !== PREALLOCATED) || item.byteLength < EXTENT_DATA_BYTES) {
    throw corruptNode(leaf, `inode ${inode} has a file extent of type ${type}`);
  }
  const logicalByte = readU64(item, 21);
  const lengthBytes = readU64(item, 29);
  // Address 0 is a hole in the file.
  if (logicalByte === 0) return;
  if (
    lengthBytes === 0 ||
    !Number.isSafeInteger(logicalByte + lengthBytes) ||
    logicalByte % sectorSize !== 0 ||
    lengthBytes % sectorSize !== 0
  ) {
    throw corruptNode(
      leaf,
      `inode ${inode} has an extent of ${lengthBytes} bytes at ${logicalByte}`,
    );
  }
  data.add(logicalByte, logicalByte + lengthBytes);
}
