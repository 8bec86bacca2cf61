/**
 * Reads the free space tree (`space_cache=v2`), the kernel's second record of allocation: for each block
 * group, free extents, or bitmaps with a bit for each free sector where those are smaller. It serves as a
 * cross-check only: it is a cache, and kernels have had bugs in it.
 * Source: Linux fs/btrfs/free-space-tree.c; include/uapi/linux/btrfs_tree.h, `BTRFS_FREE_SPACE_*`.
 */
import { RangeSetBuilder, type RangeSet } from '../../ranges/range-set.ts';
import type { NodeReader } from './node-reader.ts';
import { corruptNode, type TreeRoot } from './tree-node.ts';
import { walkTree } from './tree-walk.ts';

const FREE_SPACE_EXTENT_KEY = 199;
const FREE_SPACE_BITMAP_KEY = 200;

/** The free logical addresses. @throws {CorruptError} if the tree is damaged. */
export function readFreeSpaceTree(
  reader: NodeReader,
  root: TreeRoot,
  sectorSize: number,
  onNode: (logicalByte: number) => void,
): RangeSet {
  const free = new RangeSetBuilder();
  walkTree(
    reader,
    root,
    (objectid, type, offset, item, leaf) => {
      if (type !== FREE_SPACE_EXTENT_KEY && type !== FREE_SPACE_BITMAP_KEY) return;
      if (!Number.isSafeInteger(objectid + offset)) {
        throw corruptNode(leaf, `free space of ${offset} bytes at ${objectid} is out of bounds`);
      }
      if (type === FREE_SPACE_EXTENT_KEY) free.add(objectid, objectid + offset);
      else addBitmap(free, objectid, offset, item, sectorSize, leaf);
    },
    onNode,
  );
  return free.build();
}

/** Least significant bit first, one bit a sector, 1 is free. */
function addBitmap(
  free: RangeSetBuilder,
  logicalByte: number,
  lengthBytes: number,
  bitmap: DataView,
  sectorSize: number,
  leaf: number,
): void {
  const sectorCount = lengthBytes / sectorSize;
  if (!Number.isInteger(sectorCount) || bitmap.byteLength * 8 < sectorCount) {
    throw corruptNode(leaf, `the free space bitmap at ${logicalByte} is cut off`);
  }
  let runStart = -1;
  for (let sector = 0; sector <= sectorCount; sector++) {
    const isFree =
      sector < sectorCount && ((bitmap.getUint8(sector >>> 3) >>> (sector & 7)) & 1) === 1;
    if (isFree && runStart < 0) runStart = sector;
    if (!isFree && runStart >= 0) {
      free.add(logicalByte + runStart * sectorSize, logicalByte + sector * sectorSize);
      runStart = -1;
    }
  }
}
