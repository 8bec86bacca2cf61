/** Reads the ranges of an open file where they lie. */
import { read } from 'node:fs';
import { promisify } from 'node:util';

import { SystemError } from '../errors/errors.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { PlannedRange } from './copy-plan.ts';
import { PartThread } from './part-io/part-thread.ts';
import { PieceGroup, pieceLength, type Piece } from './piece.ts';

const readAt = promisify(read);

/** The pieces of one buffer after the other; one buffer is filled while the one before is in use. */
export async function* readPlaces(
  file: OpenImage,
  ranges: readonly PlannedRange[],
  pool: BufferPool,
): AsyncGenerator<readonly Piece[], void, undefined> {
  const thread = new PartThread();
  let ahead: Promise<readonly Piece[]> | undefined;
  try {
    for (const group of groupPieces(ranges)) {
      const pieces = readGroup(file, group, pool, thread);
      // Awaited below, after the pieces before it have been used; until then a failure is no surprise.
      pieces.catch(() => {});
      if (ahead !== undefined) yield await ahead;
      ahead = pieces;
    }
    if (ahead !== undefined) yield await ahead;
  } finally {
    // Nothing may be read any more when the file is closed.
    await Promise.allSettled([ahead]);
    await thread.close();
  }
}

export interface OpenImage {
  readonly fileDescriptor: number;
  readonly name: string;
}

function* groupPieces(ranges: readonly PlannedRange[]): Generator<PieceGroup> {
  let group = new PieceGroup();
  for (const range of ranges) {
    let { startByte } = range;
    while (startByte < range.endByte) {
      const lengthBytes = pieceLength(range, startByte);
      if (!group.hasRoomFor(lengthBytes)) {
        yield group;
        group = new PieceGroup();
      }
      group.add(range, startByte, lengthBytes);
      startByte += lengthBytes;
    }
  }
  if (group.placed.length > 0) yield group;
}

async function readGroup(
  file: OpenImage,
  group: PieceGroup,
  pool: BufferPool,
  thread: PartThread,
): Promise<readonly Piece[]> {
  const buffer = await pool.take();
  const [first, second] = group.placed;
  if (second === undefined) {
    const { startByte, lengthBytes } = first!;
    await readFully(file, buffer.bytes.subarray(0, lengthBytes), startByte);
  } else {
    await readParts(file, group, buffer.bytes, thread);
  }
  return group.release(buffer, pool);
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
  { fileDescriptor, name }: OpenImage,
  { placed }: PieceGroup,
  bytes: Uint8Array,
  thread: PartThread,
): Promise<void> {
  const outcome = await thread.run({
    isWrite: false,
    fileDescriptor,
    memory: bytes.buffer as SharedArrayBuffer,
    parts: Float64Array.from(
      placed.flatMap(({ offset, lengthBytes, startByte }) => [
        bytes.byteOffset + offset,
        lengthBytes,
        startByte,
      ]),
    ),
  });
  if (outcome.kind === 'failed') throw SystemError.from(outcome, name);
  if (outcome.kind === 'ended') throw endsEarly(name, outcome.atByte);
}

function endsEarly(name: string, atByte: number): SystemError {
  const problem = `ends at byte ${atByte}, inside a range that is to be copied; the image is not complete, so get it again`;
  return new SystemError('short-read', name, problem);
}
