import { statSync } from 'node:fs';

import { CorruptError, RefusedError, SystemError } from '../errors/errors.ts';
import { findImageUsers, readDeviceSize, type ImageUser } from '../host/image-users.ts';
import { FileReader } from '../image/file-reader.ts';
import { rejectForeignFormat } from '../image/foreign-formats.ts';
import { RangeSet } from '../ranges/range-set.ts';

export interface OpenImageOptions {
  /** Go on although somebody may be writing to the image; what they use is mapped whole. */
  readonly live?: boolean;
}

export interface OpenImage {
  readonly reader: FileReader;
  /** Parts that are in use right now; empty unless `live`. */
  readonly liveRanges: RangeSet;
}

/**
 * Opens a raw image or block device for scanning.
 * @throws {RefusedError} kind `in-use` if somebody may write to it and `live` is not set.
 * @throws {UnsupportedError} if it is compressed, or a virtual machine's disk format.
 * @throws {UsageError} if it is a block map. @throws {CorruptError} if it is empty.
 * @throws {SystemError} if it cannot be opened or read.
 */
export function openImage(path: string, { live = false }: OpenImageOptions = {}): OpenImage {
  const users = listUsers(path);
  if (users.length > 0 && !live) {
    const uses = users.map(({ description }) => description).join(', ');
    throw new RefusedError(
      'in-use',
      `${path}: ${uses}; its content may change at any moment. Unmount or detach it first, or use --live to map what is in use whole`,
    );
  }
  const reader = new FileReader(path, findSize(path));
  try {
    assertRawImage(reader, path);
    return { reader, liveRanges: clip(users, reader.sizeBytes) };
  } catch (error) {
    reader.close();
    throw error;
  }
}

/**
 * `name` is what the file is called in messages.
 * @throws {CorruptError} if it is empty. @throws {UnsupportedError} if it is some other kind of file.
 * @throws {UsageError} if it is a block map.
 */
export function assertRawImage(reader: FileReader, name: string): void {
  if (reader.sizeBytes === 0) {
    throw new CorruptError('empty-image', { structure: name }, 'the image is empty; get it again');
  }
  rejectForeignFormat(reader, name);
}

function listUsers(path: string): readonly ImageUser[] {
  try {
    return findImageUsers(path);
  } catch (error) {
    throw SystemError.from(error, path);
  }
}

function findSize(path: string): { deviceSizeBytes?: number } {
  return statSync(path).isBlockDevice() ? { deviceSizeBytes: readDeviceSize(path) } : {};
}

function clip(users: readonly ImageUser[], sizeBytes: number): RangeSet {
  const ranges = users.map(({ range }) => ({
    startByte: Math.min(range.startByte, sizeBytes),
    endByte: Math.min(range.endByte, sizeBytes),
  }));
  return RangeSet.of(...ranges);
}
