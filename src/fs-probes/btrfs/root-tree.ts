/**
 * Reads the root tree (and the root tree of logs, which has the same form): where the other trees start.
 * Only the trees that record allocation are of interest; subvolumes are not walked, since the extent
 * tree names everything they use. Source: include/uapi/linux/btrfs_tree.h, `struct btrfs_root_item`.
 */
import type { NodeReader } from './node-reader.ts';
import { MAX_LEVEL } from './superblock.ts';
import { corruptNode, readU64, type TreeRoot } from './tree-node.ts';
import { walkTree } from './tree-walk.ts';

const ROOT_ITEM_KEY = 132;
/** Items of kernels before 3.6 end behind `level`. */
const LEAST_ROOT_ITEM_BYTES = 239;

/** Object ids of the trees in the root tree. */
export const EXTENT_TREE = 2;
export const DEVICE_TREE = 4;
export const FREE_SPACE_TREE = 10;
export const BLOCK_GROUP_TREE = 11;

/**
 * The roots of all trees that a root tree lists, in no particular order. Object ids above 2^53, those
 * of logs and relocations, are inexact.
 * @throws {CorruptError} if the tree is damaged.
 */
export function readRoots(
  reader: NodeReader,
  rootTree: TreeRoot,
  onNode: (logicalByte: number) => void,
): readonly { readonly objectid: number; readonly root: TreeRoot }[] {
  const roots: { objectid: number; root: TreeRoot }[] = [];
  walkTree(
    reader,
    rootTree,
    (objectid, type, _offset, data, leaf) => {
      if (type !== ROOT_ITEM_KEY) return;
      if (data.byteLength < LEAST_ROOT_ITEM_BYTES)
        throw corruptNode(leaf, 'a root item is cut off');
      const root = {
        logicalByte: readU64(data, 176),
        level: data.getUint8(238),
        generation: readU64(data, 160),
      };
      if (root.level > MAX_LEVEL || !Number.isSafeInteger(root.logicalByte)) {
        throw corruptNode(leaf, `the root of tree ${objectid} is out of bounds`);
      }
      roots.push({ objectid, root });
    },
    onNode,
  );
  return roots;
}
