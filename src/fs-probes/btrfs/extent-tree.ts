/**
 * Reads the extent tree, the record of what is allocated: one item for each extent of data and each tree
 * node, in logical addresses. Block group items, which say how much of a chunk is used, stand between
 * them, or in the block group tree. Back references are ignored: who uses an extent does not matter.
 * Source: Linux include/uapi/linux/btrfs_tree.h, `struct btrfs_extent_item`, `btrfs_block_group_item`.
 */
import { RangeSetBuilder, type RangeSet } from '../../ranges/range-set.ts';
import type { NodeReader } from './node-reader.ts';
import { corruptNode, readU64, type TreeRoot } from './tree-node.ts';
import { walkTree } from './tree-walk.ts';

const EXTENT_ITEM_KEY = 168;
/** The length of a tree node is known, so its key has the level instead. */
const METADATA_ITEM_KEY = 169;
const BLOCK_GROUP_ITEM_KEY = 192;
/** `refs`, `generation`, `flags`; back references follow. */
const LEAST_EXTENT_ITEM_BYTES = 24;
const FLAGS_START = 16;
const TREE_BLOCK_FLAG = 2;

/** What the filesystem itself counts as used in a chunk. */
export interface BlockGroup {
  readonly logicalByte: number;
  readonly lengthBytes: number;
  readonly usedBytes: number;
}

/** All extents, in logical addresses. */
export interface Extents {
  readonly data: RangeSet;
  readonly metadata: RangeSet;
  /** Empty if they have a tree of their own. */
  readonly blockGroups: readonly BlockGroup[];
}

/** @throws {CorruptError} if the tree is damaged, or an extent is not made of whole sectors. */
export function readExtentTree(
  reader: NodeReader,
  root: TreeRoot,
  sectorSize: number,
  onNode: (logicalByte: number) => void,
): Extents {
  const data = new RangeSetBuilder();
  const metadata = new RangeSetBuilder();
  const blockGroups: BlockGroup[] = [];
  const add = (set: RangeSetBuilder, logicalByte: number, lengthBytes: number, leaf: number) => {
    const endByte = logicalByte + lengthBytes;
    if (
      lengthBytes === 0 ||
      !Number.isSafeInteger(endByte) ||
      logicalByte % sectorSize !== 0 ||
      lengthBytes % sectorSize !== 0
    ) {
      throw corruptNode(leaf, `extent of ${lengthBytes} bytes at ${logicalByte} is out of bounds`);
    }
    set.add(logicalByte, endByte);
  };
  walkTree(
    reader,
    root,
    (objectid, type, offset, item, leaf) => {
      switch (type) {
        case METADATA_ITEM_KEY:
          return add(metadata, objectid, reader.nodeSize, leaf);
        case EXTENT_ITEM_KEY: {
          if (item.byteLength < LEAST_EXTENT_ITEM_BYTES) {
            throw corruptNode(leaf, `the extent item of ${objectid} is cut off`);
          }
          const isNode = (item.getUint32(FLAGS_START, true) & TREE_BLOCK_FLAG) !== 0;
          return add(isNode ? metadata : data, objectid, offset, leaf);
        }
        case BLOCK_GROUP_ITEM_KEY:
          blockGroups.push(parseBlockGroup(objectid, offset, item, leaf));
      }
    },
    onNode,
  );
  return { data: data.build(), metadata: metadata.build(), blockGroups };
}

/** Reads the block groups from the tree of their own. @throws {CorruptError} if it is damaged. */
export function readBlockGroupTree(
  reader: NodeReader,
  root: TreeRoot,
  onNode: (logicalByte: number) => void,
): readonly BlockGroup[] {
  const blockGroups: BlockGroup[] = [];
  walkTree(
    reader,
    root,
    (objectid, type, offset, item, leaf) => {
      if (type === BLOCK_GROUP_ITEM_KEY) {
        blockGroups.push(parseBlockGroup(objectid, offset, item, leaf));
      }
    },
    onNode,
  );
  return blockGroups;
}

function parseBlockGroup(
  logicalByte: number,
  lengthBytes: number,
  item: DataView,
  leaf: number,
): BlockGroup {
  if (item.byteLength < 24) throw corruptNode(leaf, `block group ${logicalByte} is cut off`);
  return { logicalByte, lengthBytes, usedBytes: readU64(item, 0) };
}
