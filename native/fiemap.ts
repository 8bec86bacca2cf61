/**
 * FS_IOC_FIEMAP: where a filesystem has allocated blocks for a file. Linux: include/uapi/linux/fiemap.h,
 * `struct fiemap` (32 bytes), followed by room for `struct fiemap_extent` (56 bytes each).
 *
 * Preallocated extents that were never written are listed like any other; that is what makes this
 * differ from SEEK_DATA.
 */
import { callError, loadLibc, type OpenFile } from './libc.ts';

/** _IOWR('f', 11, struct fiemap) */
const FS_IOC_FIEMAP = 0xc020_660b;
/** Have the file's data written first, so that delayed allocations show. */
const FIEMAP_FLAG_SYNC = 1;
const HEADER_BYTES = 32;
const EXTENT_BYTES = 56;
/** 256 KiB of extents a call. */
const EXTENTS_PER_CALL = 4680;

/** Half-open, in bytes of the file. The end may lie far behind the file's. */
export interface FileExtent {
  readonly startByte: number;
  readonly endByte: number;
}

/**
 * The first extents that overlap `[startByte, endByte)`, ascending; empty if there is none. A full
 * answer may have been cut: ask again from its end.
 * @returns undefined if the filesystem does not support the call.
 * @throws {SystemError} with the errno name.
 */
export function readExtents(
  file: OpenFile,
  startByte: number,
  endByte: number,
): readonly FileExtent[] | undefined {
  const buffer = new DataView(new ArrayBuffer(HEADER_BYTES + EXTENTS_PER_CALL * EXTENT_BYTES));
  // The kernel's own byte order, which is little-endian on all processors in question.
  buffer.setBigUint64(0, BigInt(startByte), true); // fm_start
  buffer.setBigUint64(8, BigInt(endByte - startByte), true); // fm_length
  buffer.setUint32(16, FIEMAP_FLAG_SYNC, true); // fm_flags
  buffer.setUint32(24, EXTENTS_PER_CALL, true); // fm_extent_count
  const bytes = new Uint8Array(buffer.buffer);
  const result = loadLibc().ioctl(file.fileDescriptor, FS_IOC_FIEMAP, bytes);
  if (result.kind === 'failed') {
    if (result.errno === 'EOPNOTSUPP' || result.errno === 'ENOTTY') return undefined;
    throw callError(file, 'FIEMAP', result.errno);
  }
  const count = Math.min(buffer.getUint32(20, true), EXTENTS_PER_CALL); // fm_mapped_extents
  return Array.from({ length: count }, (_, index) => {
    const at = HEADER_BYTES + index * EXTENT_BYTES;
    const start = Number(buffer.getBigUint64(at, true)); // fe_logical
    const length = Number(buffer.getBigUint64(at + 16, true)); // fe_length
    return { startByte: start, endByte: start + length };
  });
}
