/** fallocate with FALLOC_FL_PUNCH_HOLE. Linux: include/uapi/linux/falloc.h; man 2 fallocate. */
import { callError, loadLibc, type OpenFile } from './libc.ts';

const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;

/**
 * Gives a range of the file back to its filesystem; it reads as zeros from then on. Blocks that are only
 * partly inside stay allocated, and are zeroed there. The size of the file stays.
 * @returns false if the filesystem cannot do that. @throws {SystemError} with the errno name.
 */
export async function punchHole(
  file: OpenFile,
  startByte: number,
  lengthBytes: number,
): Promise<boolean> {
  const mode = FALLOC_FL_PUNCH_HOLE + FALLOC_FL_KEEP_SIZE;
  const { fileDescriptor } = file;
  const result = await loadLibc().fallocateAsync(fileDescriptor, mode, startByte, lengthBytes);
  if (result.kind === 'returned') return true;
  if (result.errno === 'EOPNOTSUPP' || result.errno === 'ENOSYS') return false;
  throw callError(file, 'fallocate', result.errno);
}
