/** Puts all of the bytes on an open target and on its medium, and says where that failed if it did. */
import { SystemError } from '../../errors/errors.ts';
import type { PartOutcome } from '../part-io/part-job.ts';
import { MIN_THREAD_PARTS } from '../part-io/part-thread.ts';
import type { Part, TargetIo } from './target-io.ts';

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
    assertWritten(path, await io.writeParts(fileDescriptor, group));
  }
}

/** @throws {SystemError} that names the place, if not all was written. */
export function assertWritten(path: string, outcome: PartOutcome): void {
  switch (outcome.kind) {
    case 'done':
      return;
    case 'ended':
      throw takesNoMore(path, outcome.atByte);
    case 'failed':
      throw cannotWrite(path, outcome.atByte, outcome);
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
