/**
 * Everything that must hold before the first hole is punched, and a lock so that it stays so among
 * programs that ask. Source: Linux `Documentation/filesystems/locks.rst`.
 */
import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  openSync,
  statSync,
  type BigIntStats,
} from 'node:fs';

import type { OpenFile } from '../bmap/hole-map.ts';
import { RefusedError, SystemError } from '../errors/errors.ts';
import type { SparsifyHost } from './sparsify-host.ts';

/** What the system says to those who may not write, whatever the reason. */
const NOT_WRITABLE: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS', 'ETXTBSY']);

/** The image, open for writing and locked. */
export interface LockedImage extends OpenFile {
  readonly sizeBytes: number;
  /** As it was when it was locked. */
  readonly stats: BigIntStats;
}

/**
 * @throws {RefusedError} kinds `block-device`, `in-use`.
 * @throws {SystemError} if there is no such file.
 */
export function guardImage(path: string, host: Pick<SparsifyHost, 'findUsers'>): void {
  assertNoDevice(path);
  assertUnused(path, host);
}

/** @throws {RefusedError} kind `block-device`. @throws {SystemError} if there is no such file. */
export function assertNoDevice(path: string): void {
  let isDevice: boolean;
  try {
    isDevice = statSync(path).isBlockDevice();
  } catch (error) {
    throw SystemError.from(error, path);
  }
  if (!isDevice) return;
  const problem = `${path}: is a block device, which has no holes; to tell a device what is not used, mount its filesystems and run fstrim, or copy an image to it with "bmap copy --unmapped discard"`;
  throw new RefusedError('block-device', problem);
}

/** @throws {RefusedError} kind `in-use` if it is mounted or attached to a loop device. */
export function assertUnused(path: string, host: Pick<SparsifyHost, 'findUsers'>): void {
  let users;
  try {
    users = host.findUsers(path);
  } catch (error) {
    throw SystemError.from(error, path);
  }
  if (users.length === 0) return;
  const uses = users.map(({ description }) => description).join(', ');
  throw new RefusedError('in-use', `${path}: ${uses}; unmount and detach it first`);
}

/** @throws {RefusedError} kind `no-write-permission`. @throws {SystemError} */
export function assertWritable(path: string): void {
  try {
    accessSync(path, constants.W_OK);
  } catch (error) {
    throw refuseUnwritable(error, path);
  }
}

/**
 * Opens the image for writing and locks it. The caller closes it, which gives up the lock.
 * @throws {RefusedError} kinds `no-write-permission`, `locked`. @throws {SystemError}
 */
export function lockImage(path: string, host: Pick<SparsifyHost, 'lockWholeFile'>): LockedImage {
  let fileDescriptor: number;
  try {
    fileDescriptor = openSync(path, 'r+');
  } catch (error) {
    throw refuseUnwritable(error, path);
  }
  try {
    if (!host.lockWholeFile({ fileDescriptor, path })) {
      const problem = `${path}: is locked by another program, such as a virtual machine; end it first. Nothing was changed`;
      throw new RefusedError('locked', problem);
    }
    const stats = fstatSync(fileDescriptor, { bigint: true });
    return { fileDescriptor, path, sizeBytes: Number(stats.size), stats };
  } catch (error) {
    closeSync(fileDescriptor);
    throw error;
  }
}

/**
 * To be asked when all is known and nothing is done: is the file that was looked at the one that is
 * locked, is it still what the path leads to, and has nobody written to it?
 * @param scanned the descriptor through which the image was read.
 * @throws {SystemError} kind `image-changed`.
 */
export function assertSameImage(
  { stats, fileDescriptor, path }: LockedImage,
  scanned: number,
): void {
  const now = fstatSync(fileDescriptor, { bigint: true });
  const named = statSync(path, { bigint: true, throwIfNoEntry: false });
  const read = fstatSync(scanned, { bigint: true });
  const isSame = [named, read].every(
    (other) => other?.ino === stats.ino && other.dev === stats.dev,
  );
  if (isSame && now.size === stats.size && now.mtimeNs === stats.mtimeNs) return;
  const problem =
    'was changed or replaced by another program while it was read; nothing was changed';
  throw new SystemError('image-changed', path, problem);
}

function refuseUnwritable(error: unknown, path: string): RefusedError | SystemError {
  const { kind, message } = SystemError.from(error, path);
  if (!NOT_WRITABLE.has(kind)) return SystemError.from(error, path);
  const problem = `${message}; it must be writable to be made sparse in place, or give -o for a copy`;
  return new RefusedError('no-write-permission', problem, { cause: error });
}
