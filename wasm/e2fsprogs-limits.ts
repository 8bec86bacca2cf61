/**
 * What the packaged e2fsprogs must not be asked about: it would give a wrong answer or abort.
 * Source of the offsets: Linux `fs/ext4/ext4.h`, `struct ext4_super_block`.
 */
import type { ImageReader } from '../src/image/image-reader.ts';

const SUPERBLOCK_START = 1024;
const SUPERBLOCK_BYTES = 1024;
const STATE_VALID = 1;
const STATE_ERRORS = 2;
const INCOMPAT_RECOVER = 0x4;
const INCOMPAT_64BIT = 0x80;
const RO_COMPAT_BIGALLOC = 0x200;
/** Block sizes pass through 16 signed bits: 32 KiB would become negative, 64 KiB zero. */
const MAX_LOG_BLOCK_SIZE = 4;
/** Its 16 MiB of memory hold one bitmap of 2^27 blocks and nothing else: 512 GiB of 4-KiB blocks. */
const END_BLOCK_COUNT = 2 ** 27;

/** Why e2fsprogs cannot judge the filesystem in `reader`; undefined if it can. */
export function findE2fsprogsLimit(reader: ImageReader): string | undefined {
  if (reader.sizeBytes < SUPERBLOCK_START + SUPERBLOCK_BYTES) return 'there is no superblock';
  const bytes = reader.readAt(SUPERBLOCK_START, SUPERBLOCK_BYTES);
  const superblock = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (superblock.getUint16(0x38, true) !== 0xef53) return 'there is no superblock';
  const state = superblock.getUint16(0x3a, true);
  const incompat = superblock.getUint32(0x60, true);
  const roCompat = superblock.getUint32(0x64, true);
  const logBlockSize = superblock.getUint32(0x18, true);
  const blocksHigh = (incompat & INCOMPAT_64BIT) === 0 ? 0 : superblock.getUint32(0x150, true);
  const blockCount = blocksHigh * 2 ** 32 + superblock.getUint32(0x04, true);
  if ((incompat & INCOMPAT_RECOVER) !== 0) return 'it does not replay journals';
  if ((state & STATE_VALID) === 0 || (state & STATE_ERRORS) !== 0) {
    return 'the filesystem was not unmounted or has errors';
  }
  if ((roCompat & RO_COMPAT_BIGALLOC) !== 0) return 'it does not know bigalloc';
  if (logBlockSize > MAX_LOG_BLOCK_SIZE) return 'it does not know blocks above 16 KiB';
  if (blockCount >= END_BLOCK_COUNT) return `it has no memory for ${blockCount} blocks`;
  return undefined;
}
