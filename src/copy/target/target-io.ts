/** The system calls that put bytes on a target; tests bring failing ones. */
import { constants, fsync, write } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';

import type { PartOutcome } from '../part-io/part-job.ts';
import { PartThread } from '../part-io/part-thread.ts';

export interface TargetIo {
  /** Writes some of the bytes and returns how many. Position null is where the last write ended. */
  write(
    fileDescriptor: number,
    bytes: Uint8Array,
    startByte: number | null,
  ): Promise<{ readonly bytesWritten: number }>;
  /** Writes all parts, which lie in one shared memory; if it is missing, `write` is called for each. */
  writeParts?(fileDescriptor: number, parts: readonly Part[]): Promise<PartOutcome>;
  /** Opens a device once more, for writes past the cache. Where it is missing there are none. */
  openDirect?(path: string): Promise<FileHandle>;
  /** Returns when everything written is on the medium. */
  flush(fileDescriptor: number): Promise<void>;
  /** Waits for what was asked of it; safe to call twice. */
  close?(): Promise<void>;
}

/** Bytes of the image, and where in it they lie. */
export interface Part {
  readonly bytes: Uint8Array;
  readonly startByte: number;
}

const writeAt = promisify(write);

/** Every write on its own. */
export const SYSTEM_IO: TargetIo = {
  async write(fileDescriptor, bytes, startByte) {
    return writeAt(fileDescriptor, bytes, 0, bytes.length, startByte);
  },
  flush: promisify(fsync),
};

/** Hands many small writes to a thread at one go, and large ones past the cache. */
export function openThreadedIo(): TargetIo {
  const thread = new PartThread();
  return {
    ...SYSTEM_IO,
    writeParts: async (fileDescriptor, parts) =>
      thread.run({
        isWrite: true,
        fileDescriptor,
        memory: parts[0]!.bytes.buffer as SharedArrayBuffer,
        parts: Float64Array.from(
          parts.flatMap(({ bytes, startByte }) => [bytes.byteOffset, bytes.length, startByte]),
        ),
      }),
    openDirect: async (path) => open(path, constants.O_WRONLY | constants.O_DIRECT),
    close: async () => thread.close(),
  };
}
