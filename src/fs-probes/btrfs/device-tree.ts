/**
 * Reads the device tree: which bytes of each device belong to which chunk, the reverse of the chunk
 * tree, and the state of a device replacement. Linux refuses to mount if the two disagree.
 * Source: include/uapi/linux/btrfs_tree.h, `struct btrfs_dev_extent`, `btrfs_dev_replace_item`;
 * fs/btrfs/volumes.c, `btrfs_verify_dev_extents`.
 */
import { CorruptError, UnsupportedError, type Place } from '../../errors/errors.ts';
import type { ChunkMap } from './chunk-map.ts';
import type { NodeReader } from './node-reader.ts';
import { corruptNode, readU64, type TreeRoot } from './tree-node.ts';
import { walkTree } from './tree-walk.ts';

const DEV_EXTENT_KEY = 204;
const DEV_REPLACE_KEY = 250;
const REPLACE_STATE_START = 32;
/** A replacement copies to the new device, or will go on to when it is mounted. */
const REPLACE_STARTED = 1;
const REPLACE_SUSPENDED = 4;

const place: Place = { structure: 'btrfs device tree' };

export interface DeviceTree {
  /** One line for each device extent: device, position, length and chunk. */
  readonly extents: ReadonlySet<string>;
  readonly isReplacing: boolean;
}

/** @throws {CorruptError} if the tree is damaged. */
export function readDeviceTree(
  reader: NodeReader,
  root: TreeRoot,
  onNode: (logicalByte: number) => void,
): DeviceTree {
  const extents = new Set<string>();
  let isReplacing = false;
  walkTree(
    reader,
    root,
    (objectid, type, offset, item, leaf) => {
      if (type === DEV_EXTENT_KEY) {
        if (item.byteLength < 32) throw corruptNode(leaf, 'a device extent is cut off');
        extents.add(extentLine(objectid, offset, readU64(item, 24), readU64(item, 16)));
      } else if (type === DEV_REPLACE_KEY) {
        if (item.byteLength < 40) throw corruptNode(leaf, 'the device replace item is cut off');
        const state = readU64(item, REPLACE_STATE_START);
        isReplacing = state === REPLACE_STARTED || state === REPLACE_SUSPENDED;
      }
    },
    onNode,
  );
  return { extents, isReplacing };
}

/**
 * Compares the device tree with the chunks.
 * @throws {CorruptError} if they disagree: then the chunks may not be all there is.
 * @throws {UnsupportedError} if a device is being replaced.
 */
export function checkDeviceTree(tree: DeviceTree, chunks: ChunkMap): void {
  if (tree.isReplacing) {
    throw new UnsupportedError('device-replace', place, 'a device is being replaced by another');
  }
  let count = 0;
  for (const { logicalByte, stripes, stripeLengthBytes } of chunks.chunks) {
    for (const { devid, startByte } of stripes) {
      count++;
      if (tree.extents.has(extentLine(devid, startByte, stripeLengthBytes, logicalByte))) continue;
      const message = `does not know the stripe of chunk ${logicalByte} at byte ${startByte} of device ${devid}`;
      throw new CorruptError('device-extents', place, message);
    }
  }
  if (count !== tree.extents.size) {
    const message = `has ${tree.extents.size} extents, the chunk tree ${count} stripes`;
    throw new CorruptError('device-extents', place, message);
  }
}

function extentLine(
  devid: number,
  startByte: number,
  lengthBytes: number,
  chunkLogicalByte: number,
): string {
  return `${devid} ${startByte} ${lengthBytes} ${chunkLogicalByte}`;
}
