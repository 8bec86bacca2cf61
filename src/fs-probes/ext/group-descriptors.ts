/**
 * The group descriptors: 32 bytes for each group, or 64 and more with the feature 64bit. They say
 * where a group's bitmaps and inode table lie, which need not be inside the group. Counts of used
 * directories and the snapshot fields are ignored.
 *
 * Linux: fs/ext4/ext4.h, `struct ext4_group_desc`; fs/ext4/super.c, `ext4_group_desc_csum`.
 */
import { crc32c } from '../../bytes/crc32c.ts';
import { layout, u16le, u32le } from '../../bytes/layout.ts';
import { CorruptError } from '../../errors/errors.ts';
import type { ImageReader } from '../../image/image-reader.ts';
import { crc16, littleEndian32 } from './checksum.ts';
import { descriptorBlockLocation, descriptorsPerBlock } from './geometry.ts';
import type { Superblock } from './superblock.ts';

export const groupDescriptorLayout = layout('ext group descriptor', 64, {
  bg_block_bitmap_lo: u32le(0x00),
  bg_inode_bitmap_lo: u32le(0x04),
  bg_inode_table_lo: u32le(0x08),
  bg_free_blocks_count_lo: u16le(0x0c), // clusters with bigalloc
  bg_flags: u16le(0x12), // mean something with descriptor checksums only
  bg_block_bitmap_csum_lo: u16le(0x18),
  bg_itable_unused_lo: u16le(0x1c),
  bg_checksum: u16le(0x1e),
  bg_block_bitmap_hi: u32le(0x20), // from here on with 64bit only
  bg_inode_bitmap_hi: u32le(0x24),
  bg_inode_table_hi: u32le(0x28),
  bg_free_blocks_count_hi: u16le(0x2c),
  bg_itable_unused_hi: u16le(0x32),
  bg_block_bitmap_csum_hi: u16le(0x38),
});

const CHECKSUM_START_BYTE = 0x1e;
const CHECKSUM_END_BYTE = 0x20;

/** `bg_flags`: the inode bitmap and table were never written. */
const INODE_UNINIT = 1;
/** `bg_flags`: the block bitmap was never written; it holds whatever the disk held before. */
const BLOCK_UNINIT = 2;

/** Descriptors are read in pieces of this size. */
const MAX_READ_BYTES = 1024 * 1024;

/** One column per field and one row per group: 37 bytes a group, and no objects. */
export interface GroupTable {
  readonly blockBitmapBlock: Float64Array;
  readonly inodeBitmapBlock: Float64Array;
  readonly inodeTableBlock: Float64Array;
  readonly freeClusters: Uint32Array;
  /** Inodes at the end of the table that were never used; 0 if the filesystem does not say. */
  readonly unusedInodes: Uint32Array;
  readonly blockBitmapChecksum: Uint32Array;
  /** 1 if the block bitmap was never written. */
  readonly isBlockBitmapUnwritten: Uint8Array;
}

/**
 * Reads the descriptors of all groups from their primary places and verifies each.
 * @throws {CorruptError} kind `descriptor-checksum`, or `bad-pointer` if one leads outside.
 */
export function readGroupTable(reader: ImageReader, superblock: Superblock): GroupTable {
  const { groupCount } = superblock;
  const table: GroupTable = {
    blockBitmapBlock: new Float64Array(groupCount),
    inodeBitmapBlock: new Float64Array(groupCount),
    inodeTableBlock: new Float64Array(groupCount),
    freeClusters: new Uint32Array(groupCount),
    unusedInodes: new Uint32Array(groupCount),
    blockBitmapChecksum: new Uint32Array(groupCount),
    isBlockBitmapUnwritten: new Uint8Array(groupCount),
  };
  const perBlock = descriptorsPerBlock(superblock);
  const parser = new DescriptorParser(superblock, table);
  for (const { firstIndex, startByte, blockCount } of descriptorReads(superblock)) {
    const bytes = reader.readAt(startByte, blockCount * superblock.blockBytes);
    const firstGroup = firstIndex * perBlock;
    const endGroup = Math.min(firstGroup + blockCount * perBlock, groupCount);
    for (let group = firstGroup; group < endGroup; group++) {
      const offset = (group - firstGroup) * superblock.descriptorBytes;
      const descriptor = bytes.subarray(offset, offset + superblock.descriptorBytes);
      parser.parse(group, descriptor, startByte + offset);
    }
  }
  return table;
}

interface DescriptorRead {
  /** Index of the first descriptor block. */
  readonly firstIndex: number;
  readonly startByte: number;
  readonly blockCount: number;
}

/** Neighbouring descriptor blocks are read together; under meta_bg they lie one by one. */
function* descriptorReads(superblock: Superblock): Generator<DescriptorRead> {
  const { blockBytes, blockCount, descriptorBlocks } = superblock;
  const maxBlocks = MAX_READ_BYTES / blockBytes;
  let firstIndex = 0;
  while (firstIndex < descriptorBlocks) {
    const firstBlock = descriptorBlockLocation(superblock, firstIndex);
    let count = 1;
    while (
      count < maxBlocks &&
      firstIndex + count < descriptorBlocks &&
      descriptorBlockLocation(superblock, firstIndex + count) === firstBlock + count
    ) {
      count++;
    }
    if (firstBlock + count > blockCount) {
      throw new CorruptError(
        'bad-geometry',
        { structure: groupDescriptorLayout.name, startByte: firstBlock * blockBytes },
        'lies behind the end of the filesystem',
      );
    }
    yield { firstIndex, startByte: firstBlock * blockBytes, blockCount: count };
    firstIndex += count;
  }
}

class DescriptorParser {
  readonly #superblock: Superblock;
  readonly #table: GroupTable;
  readonly #uuidChecksum: number;

  constructor(superblock: Superblock, table: GroupTable) {
    this.#superblock = superblock;
    this.#table = table;
    this.#uuidChecksum = crc16(0xffff, superblock.uuid);
  }

  /** Fills the row of `group`. `startByte` is for messages. */
  parse(group: number, descriptor: Uint8Array, startByte: number): void {
    const place = { structure: `${groupDescriptorLayout.name} ${group}`, startByte };
    const { checksumKind, blockCount, inodesPerGroup, inodeTableBlocks } = this.#superblock;
    const view = new DataView(descriptor.buffer, descriptor.byteOffset, descriptor.length);
    const hasChecksum = checksumKind !== 'none';
    if (hasChecksum) {
      const found = groupDescriptorLayout.fields.bg_checksum.read(view);
      if (found !== this.#checksumOf(group, descriptor)) {
        throw new CorruptError(
          'descriptor-checksum',
          place,
          'the checksum does not match, so its pointers cannot be believed',
        );
      }
    }
    const raw = readDescriptor(view);
    const pointers = [
      [raw.blockBitmap, 1],
      [raw.inodeBitmap, 1],
      [raw.inodeTable, inodeTableBlocks],
    ] as const;
    for (const [block, length] of pointers) {
      if (block === 0 || block + length > blockCount) {
        throw new CorruptError(
          'bad-pointer',
          place,
          `block ${block} lies outside of the filesystem`,
        );
      }
    }
    const table = this.#table;
    table.blockBitmapBlock[group] = raw.blockBitmap;
    table.inodeBitmapBlock[group] = raw.inodeBitmap;
    table.inodeTableBlock[group] = raw.inodeTable;
    table.freeClusters[group] = raw.freeClusters;
    table.blockBitmapChecksum[group] = raw.blockBitmapChecksum;
    if (!hasChecksum) return;
    // Flags and the count of unused inodes are not kept up to date without descriptor checksums.
    const unused = (raw.flags & INODE_UNINIT) === 0 ? raw.unusedInodes : inodesPerGroup;
    table.unusedInodes[group] = Math.min(unused, inodesPerGroup);
    table.isBlockBitmapUnwritten[group] = (raw.flags & BLOCK_UNINIT) === 0 ? 0 : 1;
  }

  #checksumOf(group: number, descriptor: Uint8Array): number {
    const before = descriptor.subarray(0, CHECKSUM_START_BYTE);
    const behind = descriptor.subarray(CHECKSUM_END_BYTE);
    const number = littleEndian32(group);
    if (this.#superblock.checksumKind === 'crc16') {
      return crc16(crc16(crc16(this.#uuidChecksum, number), before), behind);
    }
    const { checksumSeed } = this.#superblock;
    const zeroed = crc32c(crc32c(crc32c(checksumSeed, number), before), Uint8Array.of(0, 0));
    return crc32c(zeroed, behind) & 0xffff;
  }
}

interface RawDescriptor {
  readonly blockBitmap: number;
  readonly inodeBitmap: number;
  readonly inodeTable: number;
  readonly freeClusters: number;
  readonly flags: number;
  readonly unusedInodes: number;
  readonly blockBitmapChecksum: number;
}

/** Joins low and high halves. Block numbers stay below 2^64; the caller compares them with the size. */
function readDescriptor(view: DataView): RawDescriptor {
  const { fields } = groupDescriptorLayout;
  const isWide = view.byteLength >= groupDescriptorLayout.lengthBytes;
  const high = (field: { read(view: DataView): number }): number => (isWide ? field.read(view) : 0);
  return {
    blockBitmap: fields.bg_block_bitmap_lo.read(view) + high(fields.bg_block_bitmap_hi) * 2 ** 32,
    inodeBitmap: fields.bg_inode_bitmap_lo.read(view) + high(fields.bg_inode_bitmap_hi) * 2 ** 32,
    inodeTable: fields.bg_inode_table_lo.read(view) + high(fields.bg_inode_table_hi) * 2 ** 32,
    freeClusters:
      fields.bg_free_blocks_count_lo.read(view) + high(fields.bg_free_blocks_count_hi) * 2 ** 16,
    flags: fields.bg_flags.read(view),
    unusedInodes:
      fields.bg_itable_unused_lo.read(view) + high(fields.bg_itable_unused_hi) * 2 ** 16,
    blockBitmapChecksum:
      fields.bg_block_bitmap_csum_lo.read(view) + high(fields.bg_block_bitmap_csum_hi) * 2 ** 16,
  };
}
