/** posix_fadvise with POSIX_FADV_DONTNEED. Linux: include/uapi/linux/fadvise.h; mm/fadvise.c. */
import { callError, loadLibc, type OpenFile } from './libc.ts';

const POSIX_FADV_DONTNEED = 4;

/**
 * Forgets the cached pages of a file, so that the next read asks the disk. Pages that are not written
 * yet stay: flush them first. @throws {SystemError} with the errno name.
 */
export function dropCachedPages(file: OpenFile): void {
  // Length 0 means to the end.
  const result = loadLibc().posixFadvise(file.fileDescriptor, 0, 0, POSIX_FADV_DONTNEED);
  if (result.kind === 'failed') throw callError(file, 'posix_fadvise', result.errno);
}
