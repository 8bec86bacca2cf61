/**
 * Inodes: 128 bytes and more each, in the inode table of their group. Only what leads to the blocks of
 * one known file (the journal) is read.
 *
 * Linux: fs/ext4/ext4.h, `struct ext4_inode`; fs/ext4/inode.c, `ext4_inode_csum`.
 */
import { crc32c } from '../../bytes/crc32c.ts';
import { byteRun, decode, layout, u16le, u32le } from '../../bytes/layout.ts';
import { joinHalves, toSafeNumber } from '../../bytes/safe-number.ts';
import { CorruptError } from '../../errors/errors.ts';
import type { ImageReader } from '../../image/image-reader.ts';
import { littleEndian32 } from './checksum.ts';
import type { GroupTable } from './group-descriptors.ts';
import type { Superblock } from './superblock.ts';

/** The part that every inode has. */
export const inodeLayout = layout('ext inode', 128, {
  i_mode: u16le(0x00),
  i_size_lo: u32le(0x04),
  i_links_count: u16le(0x1a),
  i_flags: u32le(0x20),
  i_block: byteRun(0x28, 60),
  i_generation: u32le(0x64),
  i_size_high: u32le(0x6c),
  i_checksum_lo: u16le(0x7c),
});

/** Larger inodes go on behind byte 128. */
export const largeInodeLayout = layout('ext inode', 132, {
  i_extra_isize: u16le(0x80), // how many bytes behind 128 are in use
  i_checksum_hi: u16le(0x82),
});

const FORMAT_MASK = 0xf000;
const FORMAT_REGULAR = 0x8000;
/** `i_flags`: `i_block` holds the root of an extent tree, not block numbers. */
export const EXTENTS_FLAG = 0x80000;

export interface FileInode {
  readonly number: number;
  readonly sizeBytes: number;
  /** The 60 bytes of `i_block`. */
  readonly blockField: Uint8Array;
  readonly usesExtents: boolean;
  /** The start of the checksums of everything that belongs to this inode. */
  readonly checksumSeed: number;
}

/**
 * Reads the inode of a regular file.
 * @throws {CorruptError} kind `bad-inode` if it is no such file, or its checksum does not match.
 */
export function readFileInode(
  reader: ImageReader,
  superblock: Superblock,
  groups: GroupTable,
  number: number,
): FileInode {
  const { inodeBytes, inodesPerGroup, groupCount, blockBytes } = superblock;
  const group = Math.floor((number - 1) / inodesPerGroup);
  const structure = `${inodeLayout.name} ${number}`;
  if (number === 0 || group >= groupCount) {
    throw new CorruptError('bad-inode', { structure }, 'the filesystem has no such inode');
  }
  const index = (number - 1) % inodesPerGroup;
  const startByte = groups.inodeTableBlock[group]! * blockBytes + index * inodeBytes;
  const place = { structure, startByte };
  const bytes = reader.readAt(startByte, inodeBytes);
  const raw = decode(inodeLayout, bytes);
  const checksumSeed = crc32c(
    crc32c(superblock.checksumSeed, littleEndian32(number)),
    littleEndian32(raw.i_generation),
  );
  if (superblock.checksumKind === 'crc32c' && !hasValidChecksum(bytes, checksumSeed)) {
    throw new CorruptError('bad-inode', place, 'the checksum does not match');
  }
  if ((raw.i_mode & FORMAT_MASK) !== FORMAT_REGULAR || raw.i_links_count === 0) {
    throw new CorruptError('bad-inode', place, 'is not that of a regular file');
  }
  return {
    number,
    sizeBytes: toSafeNumber(joinHalves(raw.i_size_lo, raw.i_size_high), 'i_size', place),
    blockField: raw.i_block,
    usesExtents: (raw.i_flags & EXTENTS_FLAG) !== 0,
    checksumSeed,
  };
}

/** The checksum covers the inode with its own two fields as zero. */
function hasValidChecksum(bytes: Uint8Array, seed: number): boolean {
  const zeroed = bytes.slice();
  zeroed.fill(0, 0x7c, 0x7e);
  const low = inodeLayout.fields.i_checksum_lo.read(viewOf(bytes));
  if (bytes.length < largeInodeLayout.lengthBytes) return (crc32c(seed, zeroed) & 0xffff) === low;
  const large = decode(largeInodeLayout, bytes);
  // Four bytes behind 128 reach just over `i_checksum_hi`.
  if (large.i_extra_isize < 4) return (crc32c(seed, zeroed) & 0xffff) === low;
  zeroed.fill(0, 0x82, 0x84);
  return crc32c(seed, zeroed) === low + large.i_checksum_hi * 2 ** 16;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
