/** FIGETBSZ: the block size of the filesystem that a file lies on. Linux: include/uapi/linux/fs.h. */
import { loadLibc } from './libc.ts';

/** _IO(0x00, 2); the argument is an int. */
const FIGETBSZ = 2;

/** In bytes, or undefined if the filesystem does not tell. */
export function readBlockSize(fileDescriptor: number): number | undefined {
  const buffer = new DataView(new ArrayBuffer(4));
  const bytes = new Uint8Array(buffer.buffer);
  const result = loadLibc().ioctl(fileDescriptor, FIGETBSZ, bytes);
  const sizeBytes = buffer.getInt32(0, true);
  return result.kind === 'returned' && sizeBytes > 0 ? sizeBytes : undefined;
}
