/** The system calls that put bytes on a target; tests bring failing ones. */
import { constants, fsync, write } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';

import { SystemError } from '../../errors/errors.ts';
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

/** Fewer parts are written one by one: a thread takes some 20 ms to start. */
const MIN_THREAD_PARTS = 8;

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

/** An open target, and its name for messages. */
export interface OpenTarget {
  readonly fileDescriptor: number;
  readonly path: string;
}

/** Writes all of the bytes. @throws {SystemError} that names the place. */
export async function writeFully(
  io: TargetIo,
  { fileDescriptor, path }: OpenTarget,
  bytes: Uint8Array,
  startByte: number,
  isSeekable = true,
): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const position = startByte + done;
    let count: number;
    try {
      const rest = bytes.subarray(done);
      ({ bytesWritten: count } = await io.write(
        fileDescriptor,
        rest,
        isSeekable ? position : null,
      ));
    } catch (error) {
      throw cannotWrite(path, position, error);
    }
    if (count === 0) throw takesNoMore(path, position);
    done += count;
  }
}

/** Writes all parts in order. @throws {SystemError} that names the place. */
export async function writeParts(
  io: TargetIo,
  target: OpenTarget,
  parts: readonly Part[],
): Promise<void> {
  const { fileDescriptor, path } = target;
  for (const group of groupByMemory(joinTouching(parts))) {
    if (group.length < MIN_THREAD_PARTS || io.writeParts === undefined) {
      for (const { bytes, startByte } of group) await writeFully(io, target, bytes, startByte);
      continue;
    }
    const outcome = await io.writeParts(fileDescriptor, group);
    if (outcome.kind === 'failed') throw cannotWrite(path, outcome.atByte, outcome);
    if (outcome.kind === 'ended') throw takesNoMore(path, outcome.atByte);
  }
}

/** Parts that touch each other, in memory as in the image, become one. */
function joinTouching(parts: readonly Part[]): readonly Part[] {
  const joined: Part[] = [];
  for (const part of parts) {
    const { bytes, startByte } = part;
    const last = joined.at(-1);
    const touches =
      last !== undefined &&
      last.startByte + last.bytes.length === startByte &&
      last.bytes.buffer === bytes.buffer &&
      last.bytes.byteOffset + last.bytes.length === bytes.byteOffset;
    if (!touches) {
      joined.push(part);
      continue;
    }
    const lengthBytes = last.bytes.length + bytes.length;
    const both = new Uint8Array(bytes.buffer, last.bytes.byteOffset, lengthBytes);
    joined[joined.length - 1] = { bytes: both, startByte: last.startByte };
  }
  return joined;
}

/** Neighbours that lie in the same shared memory; everything else stays alone. */
function groupByMemory(parts: readonly Part[]): readonly (readonly Part[])[] {
  const groups: Part[][] = [];
  for (const part of parts) {
    const group = groups.at(-1);
    const memory = part.bytes.buffer;
    if (memory instanceof SharedArrayBuffer && group?.[0]?.bytes.buffer === memory) {
      group.push(part);
    } else {
      groups.push([part]);
    }
  }
  return groups;
}

function cannotWrite(path: string, atByte: number, cause: unknown): SystemError {
  const { kind, message } = SystemError.from(cause, undefined);
  return new SystemError(kind, path, `cannot write at byte ${atByte}: ${message}`, { cause });
}

function takesNoMore(path: string, atByte: number): SystemError {
  return new SystemError('short-write', path, `takes no more bytes at byte ${atByte}; is it full?`);
}

/** @throws {SystemError} if the medium did not take everything. */
export async function flushTarget(
  io: TargetIo,
  { fileDescriptor, path }: OpenTarget,
): Promise<void> {
  try {
    await io.flush(fileDescriptor);
  } catch (error) {
    const { kind, message } = SystemError.from(error, undefined);
    throw new SystemError(kind, path, `cannot synchronize '${path}': ${message}`, { cause: error });
  }
}
