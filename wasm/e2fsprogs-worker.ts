/** A thread of `findFreeRangesWithE2fsprogs`: asks the package and sends the answer. */
import { parentPort, workerData } from 'node:worker_threads';

import ext2fs, { type Disk } from 'ext2fs';

import { FileReader } from '../src/image/file-reader.ts';
import type { ImageReader } from '../src/image/image-reader.ts';
import { WindowReader } from '../src/image/window-reader.ts';
import { RangeSetBuilder } from '../src/ranges/range-set.ts';
import { findE2fsprogsLimit } from './e2fsprogs-limits.ts';
import {
  boundsOf,
  describeFailure,
  type ThreadMessage,
  type VolumeRequest,
} from './reader-thread.ts';

const { path, startByte, lengthBytes } = workerData as VolumeRequest;
const file = new FileReader(path, { deviceSizeBytes: startByte + lengthBytes });
const answer = await askPackage(new WindowReader(file, startByte, lengthBytes));
// A port between threads: there is no origin to name.
// oxlint-disable-next-line unicorn/require-post-message-target-origin
parentPort?.postMessage(answer);

async function askPackage(reader: ImageReader): Promise<ThreadMessage> {
  const reason = findE2fsprogsLimit(reader);
  if (reason !== undefined) return { kind: 'refused', reason };
  const free = new RangeSetBuilder();
  const failures: unknown[] = [];
  const disk: Disk = {
    read: async (buffer, bufferOffset, length, position) => {
      try {
        buffer.set(reader.readAt(position, length), bufferOffset);
      } catch (error) {
        failures.push(error);
        throw error;
      }
    },
    // It opens for writing, but has no reason to write.
    write: async () => {
      failures.push(new Error('it tried to write'));
      throw failures[0];
    },
    discard: async (position, length) => free.add(position, position + length),
    flush: async () => {},
  };
  try {
    const filesystem = await ext2fs.mount(disk);
    await filesystem.trim();
  } catch (error) {
    failures.push(error);
  }
  // The package turns every failure of the disk into EIO; the first one says more.
  if (failures.length > 0) {
    return { kind: 'refused', reason: `it failed: ${describeFailure(failures[0])}` };
  }
  return { kind: 'ranges', bounds: boundsOf(free.build()) };
}
