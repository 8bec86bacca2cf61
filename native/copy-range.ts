/**
 * copy_file_range: the kernel copies from file to file, by sharing blocks where the filesystem can.
 * Man 2 copy_file_range.
 */
import { callError, loadLibc, type OpenFile } from './libc.ts';

/** What is said where it does not work for two files, or not at all. Reading and writing does. */
const CANNOT: ReadonlySet<string> = new Set(['EINVAL', 'ENOSYS', 'EOPNOTSUPP', 'EPERM', 'EXDEV']);

/**
 * Copies some of the range to the same place in another file.
 * @returns the number of bytes, at least 1, or undefined if the kernel cannot.
 * @throws {SystemError} with the errno name.
 */
export async function copyRange(
  from: OpenFile,
  to: OpenFile,
  startByte: number,
  lengthBytes: number,
): Promise<number | undefined> {
  const result = await loadLibc().copyFileRangeAsync(
    from.fileDescriptor,
    to.fileDescriptor,
    startByte,
    lengthBytes,
  );
  // Some filesystems copy nothing and call it done.
  if (result.kind === 'returned') return result.value === 0 ? undefined : result.value;
  if (CANNOT.has(result.errno)) return undefined;
  throw callError(to, 'copy_file_range', result.errno);
}
