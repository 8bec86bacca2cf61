/** Reads the ranges of an open file where they lie. */
import { read } from 'node:fs';
import { promisify } from 'node:util';

import { SystemError } from '../errors/errors.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { PlannedRange } from './copy-plan.ts';
import { movePart, type PartOutcome } from './part-io/part-job.ts';
import { MIN_THREAD_PARTS, PartThread } from './part-io/part-thread.ts';
import { PieceGroup, type Piece } from './piece.ts';

const readAt = promisify(read);

/** Reads from a disk that are made before they are needed. */
const GROUPS_AHEAD = 3;

/** What is in the system's memory comes with 10 GB/s. A read that is slower than this waited for a disk. */
const QUICK_BYTES_PER_MS = 2 * 2 ** 20;
/** A call is interrupted now and then. */
const SLACK_MS = 1;

export interface OpenImage {
  readonly fileDescriptor: number;
  readonly name: string;
}

/**
 * The pieces of one buffer after the other. As long as the file comes from memory it is read at once,
 * since handing a read to a thread would cost more than making it; from the first slow read on, ahead of
 * its use, by other threads.
 */
export async function* readPlaces(
  file: OpenImage,
  ranges: readonly PlannedRange[],
  pool: BufferPool,
): AsyncGenerator<readonly Piece[], void, undefined> {
  const thread = new PartThread();
  const ahead: Promise<readonly Piece[]>[] = [];
  let isQuick = true;
  try {
    for (const group of groupPieces(ranges, pool)) {
      if (isQuick) {
        const buffer = await pool.take();
        isQuick = readNow(file, group, buffer.bytes);
        yield group.release(buffer);
        continue;
      }
      const pieces = readLater(file, group, pool, thread);
      // Awaited below, after the pieces before it have been used; until then a failure is no surprise.
      pieces.catch(() => {});
      ahead.push(pieces);
      if (ahead.length > GROUPS_AHEAD) yield await ahead.shift()!;
    }
    while (ahead.length > 0) yield await ahead.shift()!;
  } finally {
    // Nothing may be read any more when the file is closed.
    await Promise.allSettled(ahead);
    await thread.close();
  }
}

function* groupPieces(
  ranges: readonly PlannedRange[],
  pool: BufferPool,
): Generator<PieceGroup, void, undefined> {
  let group = new PieceGroup(pool);
  for (const range of ranges) {
    let { startByte } = range;
    while (startByte < range.endByte) {
      const lengthBytes = Math.min(pool.bufferBytes, range.endByte - startByte);
      if (!group.hasRoomFor(lengthBytes)) {
        yield group;
        group = new PieceGroup(pool);
      }
      group.add(range, startByte, lengthBytes);
      startByte += lengthBytes;
    }
  }
  if (group.placed.length > 0) yield group;
}

/** @returns whether it was as quick as memory is. */
function readNow(file: OpenImage, { placed }: PieceGroup, bytes: Uint8Array): boolean {
  const startedMs = performance.now();
  let totalBytes = 0;
  for (const { offset, lengthBytes, startByte } of placed) {
    const part = bytes.subarray(offset, offset + lengthBytes);
    assertRead(file, movePart(false, file.fileDescriptor, part, startByte));
    totalBytes += lengthBytes;
  }
  return performance.now() - startedMs < SLACK_MS + totalBytes / QUICK_BYTES_PER_MS;
}

async function readLater(
  file: OpenImage,
  group: PieceGroup,
  pool: BufferPool,
  thread: PartThread,
): Promise<readonly Piece[]> {
  const buffer = await pool.take();
  if (group.placed.length < MIN_THREAD_PARTS) {
    for (const { offset, lengthBytes, startByte } of group.placed) {
      await readFully(file, buffer.bytes.subarray(offset, offset + lengthBytes), startByte);
    }
  } else {
    await readParts(file, group, buffer.bytes, thread);
  }
  return group.release(buffer);
}

async function readFully(
  { fileDescriptor, name }: OpenImage,
  bytes: Uint8Array,
  startByte: number,
): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    let count: number;
    try {
      const result = await readAt(
        fileDescriptor,
        bytes,
        done,
        bytes.length - done,
        startByte + done,
      );
      count = result.bytesRead;
    } catch (error) {
      throw SystemError.from(error, name);
    }
    if (count === 0) throw endsEarly(name, startByte + done);
    done += count;
  }
}

async function readParts(
  file: OpenImage,
  { placed }: PieceGroup,
  bytes: Uint8Array,
  thread: PartThread,
): Promise<void> {
  const outcome = await thread.run({
    isWrite: false,
    fileDescriptor: file.fileDescriptor,
    memory: bytes.buffer as SharedArrayBuffer,
    parts: Float64Array.from(
      placed.flatMap(({ offset, lengthBytes, startByte }) => [
        bytes.byteOffset + offset,
        lengthBytes,
        startByte,
      ]),
    ),
  });
  assertRead(file, outcome);
}

/** @throws {SystemError} kind `short-read` or the errno name, if not all was read. */
export function assertRead({ name }: OpenImage, outcome: PartOutcome): void {
  switch (outcome.kind) {
    case 'done':
      return;
    case 'ended':
      throw endsEarly(name, outcome.atByte);
    case 'failed':
      throw SystemError.from(outcome, name);
  }
}

function endsEarly(name: string, atByte: number): SystemError {
  const problem = `ends at byte ${atByte}, inside a range that is to be copied; the image is not complete, so get it again`;
  return new SystemError('short-read', name, problem);
}
