/**
 * Extent trees: nodes of a 12-byte header and 12-byte entries, the root in the inode. Leaves hold runs
 * of blocks, inner nodes the blocks of nodes below. Unwritten runs are allocated like any other.
 *
 * Linux: fs/ext4/ext4_extents.h; fs/ext4/extents.c, `ext4_extent_block_csum`.
 */
import { crc32c } from '../../bytes/crc32c.ts';
import { decode, layout, u16le, u32le } from '../../bytes/layout.ts';
import type { ImageReader } from '../../image/image-reader.ts';
import { type FileBlocks, MapWalk } from './map-walk.ts';
import type { FileInode } from './inode.ts';
import type { Superblock } from './superblock.ts';

export const extentHeaderLayout = layout('ext4 extent node', 12, {
  eh_magic: u16le(0x0),
  eh_entries: u16le(0x2),
  eh_max: u16le(0x4), // how many entries have room
  eh_depth: u16le(0x6), // 0 for leaves
});

const extentLayout = layout('ext4 extent', 12, {
  ee_block: u32le(0x0),
  ee_len: u16le(0x4), // above 32768: unwritten, minus 32768
  ee_start_hi: u16le(0x6),
  ee_start_lo: u32le(0x8),
});

const indexLayout = layout('ext4 extent index', 12, {
  ei_leaf_lo: u32le(0x4),
  ei_leaf_hi: u16le(0x8),
});

const EXTENT_MAGIC = 0xf30a;
/** Linux: `EXT4_MAX_EXTENT_DEPTH`. */
const MAX_DEPTH = 5;
const ENTRY_BYTES = 12;
const MAX_WRITTEN_LENGTH = 32768;

/** True if the 60 bytes of `i_block` hold the root of a tree. */
export function isExtentRoot(blockField: Uint8Array): boolean {
  return decode(extentHeaderLayout, blockField).eh_magic === EXTENT_MAGIC;
}

/** @throws {CorruptError} kind `bad-file-map`. */
export function readExtentTree(
  reader: ImageReader,
  superblock: Superblock,
  inode: FileInode,
): FileBlocks {
  const walk = new MapWalk(reader, superblock, `extent tree of inode ${inode.number}`);
  visitNode(walk, superblock, inode, inode.blockField, undefined, undefined);
  return walk;
}

/** @param block where the node lies; the root lies in the inode and has none, and no checksum. */
function visitNode(
  walk: MapWalk,
  superblock: Superblock,
  inode: FileInode,
  node: Uint8Array,
  block: number | undefined,
  wantedDepth: number | undefined,
): void {
  const header = decode(extentHeaderLayout, node);
  const entriesEnd = ENTRY_BYTES * (1 + header.eh_max);
  if (
    header.eh_magic !== EXTENT_MAGIC ||
    header.eh_entries > header.eh_max ||
    entriesEnd > node.length ||
    header.eh_depth > MAX_DEPTH ||
    (wantedDepth !== undefined && header.eh_depth !== wantedDepth)
  ) {
    throw walk.fault('a node has an impossible header', block);
  }
  if (block !== undefined && superblock.checksumKind === 'crc32c') {
    // The checksum follows the room for entries.
    const view = new DataView(node.buffer, node.byteOffset, node.length);
    const isRoom = entriesEnd + 4 <= node.length;
    if (
      !isRoom ||
      view.getUint32(entriesEnd, true) !== crc32c(inode.checksumSeed, node, 0, entriesEnd)
    ) {
      throw walk.fault('the checksum of a node does not match', block);
    }
  }
  for (let index = 1; index <= header.eh_entries; index++) {
    const startByte = index * ENTRY_BYTES;
    if (header.eh_depth === 0) {
      const extent = readExtent(node, startByte);
      walk.addRun(extent.logicalBlock, extent.firstBlock, extent.blockCount);
    } else {
      const raw = decode(indexLayout, node, startByte);
      const below = raw.ei_leaf_lo + raw.ei_leaf_hi * 2 ** 32;
      const bytes = walk.readMapBlock(below);
      visitNode(walk, superblock, inode, bytes, below, header.eh_depth - 1);
    }
  }
}

/** Decodes the 12 bytes of a leaf entry. */
export function readExtent(
  bytes: Uint8Array,
  startByte: number,
): { logicalBlock: number; firstBlock: number; blockCount: number } {
  const raw = decode(extentLayout, bytes, startByte);
  const isUnwritten = raw.ee_len > MAX_WRITTEN_LENGTH;
  return {
    logicalBlock: raw.ee_block,
    firstBlock: raw.ee_start_lo + raw.ee_start_hi * 2 ** 32,
    blockCount: isUnwritten ? raw.ee_len - MAX_WRITTEN_LENGTH : raw.ee_len,
  };
}
