/**
 * Tree nodes: a header of 101 bytes, then in a leaf (level 0) keys that point to item data at the end of
 * the node, and above it keys with pointers to children. What a parent says of its child - address,
 * generation, level - is checked before the node is believed, and so is the checksum.
 * Ignored: flags, chunk tree UUID, owner.
 * Source: Linux include/uapi/linux/btrfs_tree.h, `struct btrfs_header`, `btrfs_item`, `btrfs_key_ptr`.
 */
import { CorruptError, type Place } from '../../errors/errors.ts';
import { hasValidChecksum, type ChecksumType } from './checksum.ts';

const FSID_START = 0x20;
const LOGICAL_START = 0x30;
const GENERATION_START = 0x50;
const ITEM_COUNT_START = 0x60;
const LEVEL_START = 0x64;
export const NODE_HEADER_BYTES = 101;
/** Key, data offset, data size. */
const LEAF_ITEM_BYTES = 25;
/** Key, address, generation. */
const NODE_POINTER_BYTES = 33;

/** Where a node lies, and what it must say of itself. */
export interface TreeRoot {
  readonly logicalByte: number;
  /** 0 is a leaf. */
  readonly level: number;
  readonly generation: number;
}

/** What all nodes of one filesystem have in common. */
export interface NodeFormat {
  readonly nodeSize: number;
  readonly checksum: ChecksumType;
  /** The filesystem's own, and those of its seeds. */
  readonly fsids: readonly Uint8Array[];
}

/** Gets one item of a leaf. Numbers from keys are inexact above 2^53; addresses must be checked. */
export type ItemVisitor = (
  objectid: number,
  type: number,
  offset: number,
  data: DataView,
  logicalByte: number,
) => void;

/** Gets one pointer of a node above the leaves. */
export type ChildVisitor = (logicalByte: number, generation: number) => void;

/** Says what is wrong with a node, or undefined if it is what the parent promised. */
export function findNodeFault(
  bytes: Uint8Array,
  expected: TreeRoot,
  format: NodeFormat,
): string | undefined {
  if (!hasValidChecksum(format.checksum, bytes)) return 'the checksum does not match';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const logicalByte = readU64(view, LOGICAL_START);
  if (logicalByte !== expected.logicalByte) return `it says that it lies at ${logicalByte}`;
  const generation = readU64(view, GENERATION_START);
  if (generation !== expected.generation) {
    return `it has generation ${generation} instead of ${expected.generation}`;
  }
  const level = view.getUint8(LEVEL_START);
  if (level !== expected.level) return `it has level ${level} instead of ${expected.level}`;
  if (!format.fsids.some((fsid) => fsid.every((byte, at) => byte === bytes[FSID_START + at]))) {
    return 'it belongs to another filesystem';
  }
  return undefined;
}

/** Calls `visit` for every item of a leaf. @throws {CorruptError} if items leave the node. */
export function visitItems(bytes: Uint8Array, visit: ItemVisitor): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const logicalByte = readU64(view, LOGICAL_START);
  const count = entryCount(view, LEAF_ITEM_BYTES);
  const itemsEnd = NODE_HEADER_BYTES + count * LEAF_ITEM_BYTES;
  for (let index = 0; index < count; index++) {
    const at = NODE_HEADER_BYTES + index * LEAF_ITEM_BYTES;
    const dataStart = NODE_HEADER_BYTES + view.getUint32(at + 17, true);
    const lengthBytes = view.getUint32(at + 21, true);
    if (dataStart < itemsEnd || dataStart + lengthBytes > bytes.length) {
      throw corruptNode(logicalByte, `item ${index} lies outside of its node`);
    }
    const data = new DataView(bytes.buffer, bytes.byteOffset + dataStart, lengthBytes);
    visit(readU64(view, at), view.getUint8(at + 8), readU64(view, at + 9), data, logicalByte);
  }
}

/** Calls `visit` for every child of a node above the leaves. @throws {CorruptError} for nonsense. */
export function visitChildren(bytes: Uint8Array, visit: ChildVisitor): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = entryCount(view, NODE_POINTER_BYTES);
  if (count === 0) throw corruptNode(readU64(view, LOGICAL_START), 'has no children');
  for (let index = 0; index < count; index++) {
    const at = NODE_HEADER_BYTES + index * NODE_POINTER_BYTES;
    visit(readU64(view, at + 17), readU64(view, at + 25));
  }
}

/** An unsigned 64-bit number, little-endian; inexact above 2^53, so that no `bigint` is made per item. */
export function readU64(view: DataView, startByte: number): number {
  return view.getUint32(startByte, true) + view.getUint32(startByte + 4, true) * 0x1_0000_0000;
}

/** The error of a node whose checksum is right and whose content is not. */
export function corruptNode(logicalByte: number, message: string): CorruptError {
  const place: Place = { structure: `btrfs tree node at logical address ${logicalByte}` };
  return new CorruptError('tree-node', place, message);
}

function entryCount(view: DataView, entryBytes: number): number {
  const count = view.getUint32(ITEM_COUNT_START, true);
  if (count > Math.floor((view.byteLength - NODE_HEADER_BYTES) / entryBytes)) {
    throw corruptNode(readU64(view, LOGICAL_START), `${count} entries do not fit`);
  }
  return count;
}
