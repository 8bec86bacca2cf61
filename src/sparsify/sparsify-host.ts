/** What sparsifying asks of the machine; tests bring machines that fail. */
import { fsync, write } from 'node:fs';
import { promisify } from 'node:util';

import { readBlockSize } from '../../native/block-size.ts';
import { copyRange } from '../../native/copy-range.ts';
import { punchHole } from '../../native/fallocate.ts';
import { readExtents } from '../../native/fiemap.ts';
import { lockWholeFile } from '../../native/record-lock.ts';
import { seekData, seekHole } from '../../native/seek-hole.ts';
import type { HoleCalls, OpenFile } from '../bmap/hole-map.ts';
import { findTargetUsers, type ImageUser } from '../host/image-users.ts';

export interface SparsifyHost extends HoleCalls {
  /** Everyone who would be harmed by holes in the file. */
  findUsers(path: string): readonly ImageUser[];
  /** False if somebody else has locked the file. */
  lockWholeFile(file: OpenFile): boolean;
  /** False if the filesystem cannot do that. */
  punchHole(file: OpenFile, startByte: number, lengthBytes: number): Promise<boolean>;
  /** The number of bytes copied, or undefined if the kernel cannot. */
  copyRange(
    from: OpenFile,
    to: OpenFile,
    startByte: number,
    lengthBytes: number,
  ): Promise<number | undefined>;
  /** The block size of the filesystem that the file lies on, or undefined if it does not tell. */
  readBlockSize(fileDescriptor: number): number | undefined;
  /** Writes some of the bytes and returns how many. */
  write(fileDescriptor: number, bytes: Uint8Array, startByte: number): Promise<number>;
  /** Returns when everything is on the disk. */
  flush(fileDescriptor: number): Promise<void>;
}

const writeAt = promisify(write);

export const LINUX_SPARSIFY_HOST: SparsifyHost = {
  findUsers: (path) => findTargetUsers(path),
  lockWholeFile,
  punchHole,
  copyRange,
  readBlockSize,
  readExtents,
  seekData,
  seekHole,
  async write(fileDescriptor, bytes, startByte) {
    return (await writeAt(fileDescriptor, bytes, 0, bytes.length, startByte)).bytesWritten;
  },
  flush: promisify(fsync),
};
