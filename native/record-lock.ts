/**
 * F_OFD_SETLK of fcntl: a lock that belongs to the open file, so that closing another descriptor of it
 * does not give it up, and that ends with the process. Programs that do not ask are not kept out.
 * Linux: include/uapi/asm-generic/fcntl.h, `struct flock` with 64-bit `off_t` (32 bytes); man 2 fcntl.
 */
import { callError, loadLibc, type OpenFile } from './libc.ts';

const F_OFD_SETLK = 37;
const F_WRLCK = 1;
const FLOCK_BYTES = 32;
/** EAGAIN has two names. */
const HELD: ReadonlySet<string> = new Set(['EACCES', 'EAGAIN', 'EWOULDBLOCK']);

/**
 * Locks the whole file for writing, without waiting. It must be open for writing.
 * @returns false if somebody else has locked some of it. @throws {SystemError} with the errno name.
 */
export function lockWholeFile(file: OpenFile): boolean {
  // l_type at byte 0; l_whence, l_start, l_len and l_pid are 0: from the start to whatever end.
  const flock = new Uint8Array(FLOCK_BYTES);
  new DataView(flock.buffer).setInt16(0, F_WRLCK, true);
  const result = loadLibc().fcntl(file.fileDescriptor, F_OFD_SETLK, flock);
  if (result.kind === 'returned') return true;
  if (HELD.has(result.errno)) return false;
  throw callError(file, 'fcntl', result.errno);
}
