/**
 * SEEK_DATA and SEEK_HOLE of lseek: where a file holds data. Linux: include/uapi/linux/fs.h. They move
 * the descriptor's file position, which nobody else here uses.
 */
import { callError, loadLibc, type OpenFile } from './libc.ts';

const SEEK_DATA = 3;
const SEEK_HOLE = 4;

/**
 * The position of the first data at or behind `fromByte`, or undefined if only a hole follows.
 * @throws {SystemError} with the errno name; EINVAL if the filesystem does not tell.
 */
export function seekData(file: OpenFile, fromByte: number): number | undefined {
  return seek(file, fromByte, SEEK_DATA);
}

/**
 * The position of the first hole at or behind `fromByte`; the end of the file counts as one. Undefined
 * if `fromByte` is not inside the file. @throws {SystemError} as `seekData`.
 */
export function seekHole(file: OpenFile, fromByte: number): number | undefined {
  return seek(file, fromByte, SEEK_HOLE);
}

function seek(file: OpenFile, fromByte: number, whence: number): number | undefined {
  const result = loadLibc().lseek(file.fileDescriptor, fromByte, whence);
  if (result.kind === 'returned') return result.value;
  if (result.errno === 'ENXIO') return undefined;
  throw callError(file, 'lseek', result.errno);
}
