/**
 * Everything that can be known about a target without opening it for writing: what it is, whether it is
 * large enough, and whether writing to it would harm somebody. All of it is asked before the first byte.
 */
import { lstatSync, realpathSync, statSync, type Stats } from 'node:fs';
import path from 'node:path';

import { formatHumanSize } from '../../bmap/human-size.ts';
import { RefusedError, SystemError } from '../../errors/errors.ts';
import { readDeviceFacts, type DeviceFacts } from '../../host/device-facts.ts';
import { LINUX_ROOTS, type HostRoots } from '../../host/host-files.ts';
import { findTargetUsers } from '../../host/image-users.ts';
import { traceStorage, wouldOverwrite } from '../../host/storage.ts';

/** What is known of a target before anything is written to it. */
export type TargetFacts =
  /** A disk or partition. */
  | { readonly kind: 'block-device'; readonly path: string; readonly device: DeviceFacts }
  /** `found` is undefined where the file is to be made. */
  | { readonly kind: 'file'; readonly path: string; readonly found: Stats | undefined }
  /** A pipe or character device: no position to go back to. `forgetsAll` is true for /dev/null. */
  | {
      readonly kind: 'stream';
      readonly path: string;
      readonly isPipe: boolean;
      readonly forgetsAll: boolean;
    };

export interface GuardOptions {
  /** What is being read: the image, its map, the signature. */
  readonly sources: readonly Stats[];
  /** The first byte behind everything that will be written; undefined if nobody knows. */
  readonly neededBytes: number | undefined;
  /** For the message about a target that is too small. */
  readonly imageName: string;
  readonly imageSizeBytes: number | undefined;
  readonly onlyRemovable: boolean;
  readonly roots?: HostRoots;
}

/**
 * What the target is, if it may be written to.
 * @throws {RefusedError} `in-use`, `is-source`, `missing-device`, `dangling-link`, `too-small`,
 *   `read-only`, `no-medium`, `not-removable`, `not-a-target`. @throws {SystemError}
 */
export function guardTarget(target: string, options: GuardOptions): TargetFacts {
  const { sources, onlyRemovable, roots = LINUX_ROOTS } = options;
  const found = findTarget(target);
  if (onlyRemovable) assertDevice(target, found);
  if (found === undefined) {
    assertMayBeMade(target);
    return { kind: 'file', path: target, found };
  }
  if (found.isCharacterDevice() || found.isFIFO()) {
    return {
      kind: 'stream',
      path: target,
      isPipe: found.isFIFO(),
      forgetsAll: found.isCharacterDevice() && isNullDevice(found),
    };
  }
  if (!found.isBlockDevice() && !found.isFile()) {
    const problem = `${target}: is neither a file nor a device, so no image can be written to it`;
    throw new RefusedError('not-a-target', problem);
  }
  const storage = traceStorage(found, roots);
  if (sources.some((source) => wouldOverwrite(storage, traceStorage(source, roots)))) {
    const problem = `${target}: holds what is to be copied, and would overwrite it while it is read; name another target`;
    throw new RefusedError('is-source', problem);
  }
  assertUnused(target, roots);
  if (found.isFile()) return { kind: 'file', path: target, found };
  const device = readDeviceFacts(target, roots);
  assertFit(target, device, options);
  return { kind: 'block-device', path: target, device };
}

function findTarget(target: string): Stats | undefined {
  try {
    return statSync(target, { throwIfNoEntry: false });
  } catch (error) {
    throw SystemError.from(error, target);
  }
}

/** A device that is not plugged in must not become a file that fills the memory /dev lives in. */
function assertMayBeMade(target: string): void {
  if (lstatSync(target, { throwIfNoEntry: false })?.isSymbolicLink() === true) {
    const problem = `${target}: is a link that leads to nothing; name the place itself to make a file there`;
    throw new RefusedError('dangling-link', problem);
  }
  let folder: string;
  try {
    folder = realpathSync(path.dirname(target));
  } catch (error) {
    throw SystemError.from(error, path.dirname(target));
  }
  const devices = statSync('/dev', { throwIfNoEntry: false });
  const isBelow = folder === '/dev' || folder.startsWith('/dev/');
  // Other filesystems mounted below, such as /dev/shm, do hold files.
  if (isBelow && statSync(folder).dev === devices?.dev) {
    const problem = `${target}: there is no such device; is it plugged in, and its name right? No file is made under /dev`;
    throw new RefusedError('missing-device', problem);
  }
}

function assertDevice(target: string, found: Stats | undefined): void {
  const expectation = 'But the removable-device option expects';
  if (found === undefined) {
    const problem = `Destination file ${target} does not exist. ${expectation} destination file to be an existing device.`;
    throw new RefusedError('not-removable', problem);
  }
  if (!found.isBlockDevice()) {
    const problem = `Destination file ${target} is not a block device. ${expectation} the destination file to be one.`;
    throw new RefusedError('not-removable', problem);
  }
}

function assertUnused(target: string, roots: HostRoots): void {
  const users = findTargetUsers(target, roots);
  if (users.length === 0) return;
  const uses = users.map(({ description }) => description).join(', ');
  const problem = `${target}: ${uses}; unmount or detach it first`;
  throw new RefusedError('in-use', problem);
}

function assertFit(target: string, device: DeviceFacts, options: GuardOptions): void {
  const { neededBytes, imageName, imageSizeBytes, onlyRemovable } = options;
  if (onlyRemovable && !device.isRemovable) {
    const problem = `Destination file ${target} is not a removable block device. But the removable-device option expects it to be one.`;
    throw new RefusedError('not-removable', problem);
  }
  if (device.isReadOnly) {
    throw new RefusedError('read-only', `${target}: is read-only; is a write lock set?`);
  }
  if (device.sizeBytes === 0) {
    throw new RefusedError(
      'no-medium',
      `${target}: has no medium, or nothing is attached to it; put one in, or attach it`,
    );
  }
  if (neededBytes !== undefined && neededBytes > device.sizeBytes) {
    const size = formatHumanSize(imageSizeBytes ?? neededBytes);
    const capacity = formatHumanSize(device.sizeBytes);
    throw new RefusedError(
      'too-small',
      `the image file '${imageName}' has size ${size} and it will not fit the block device '${target}' which has ${capacity} capacity`,
    );
  }
}

/** Linux: Documentation/admin-guide/devices.txt, 1:3 is /dev/null. */
function isNullDevice({ rdev }: Stats): boolean {
  return rdev === 0x103;
}
