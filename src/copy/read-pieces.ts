/**
 * Cuts the planned ranges of an image into pieces, in order. From an open file they are read where they
 * lie; everything else is read from end to end, since only there a decoder knows that all was right.
 */
import { read } from 'node:fs';
import { promisify } from 'node:util';

import { MismatchError, SystemError } from '../errors/errors.ts';
import type { BufferPool } from './buffer-pool.ts';
import { countBlocksBefore, type CopyPlan, type PlannedRange } from './copy-plan.ts';
import type { ImageSource } from './source/image-source.ts';

/** Large enough to make the cost of a call vanish: reading and writing 1 MiB takes 100 microseconds. */
export const PIECE_BYTES = 2 ** 20;

export interface Piece {
  readonly range: PlannedRange;
  readonly startByte: number;
  readonly bytes: Uint8Array;
  /** To be given back to the pool; `bytes` lie in it. */
  readonly buffer: Uint8Array;
  readonly isLastOfRange: boolean;
}

const readAt = promisify(read);

/**
 * The pieces of all ranges of the plan; each holds a buffer of the pool.
 * @throws {MismatchError} kind `short-image` or `image-size` if the source ends before or behind the
 *   planned size. @throws {CorruptError} if the source is damaged. @throws {SystemError}
 */
export async function* readPieces(
  source: ImageSource,
  plan: CopyPlan,
  pool: BufferPool,
  signal: AbortSignal,
): AsyncGenerator<Piece, void, undefined> {
  if (source.fileDescriptor !== undefined && plan.imageSizeBytes !== undefined) {
    yield* readPlaces(source.fileDescriptor, source.name, plan.ranges, pool);
  } else {
    yield* readThrough(source, plan, pool, signal);
  }
}

/** One piece is read ahead while the one before is in use. */
async function* readPlaces(
  fileDescriptor: number,
  name: string,
  ranges: readonly PlannedRange[],
  pool: BufferPool,
): AsyncGenerator<Piece, void, undefined> {
  let ahead: Promise<Piece> | undefined;
  try {
    for (const range of ranges) {
      for (let startByte = range.startByte; startByte < range.endByte; startByte += PIECE_BYTES) {
        const piece = readPlace(fileDescriptor, name, range, startByte, pool);
        // Awaited below, after the piece before it has been used; until then a failure is no surprise.
        piece.catch(() => {});
        if (ahead !== undefined) yield await ahead;
        ahead = piece;
      }
    }
    if (ahead !== undefined) yield await ahead;
  } finally {
    // Nothing may be read any more when the file is closed.
    await Promise.allSettled([ahead]);
  }
}

async function readPlace(
  fileDescriptor: number,
  name: string,
  range: PlannedRange,
  startByte: number,
  pool: BufferPool,
): Promise<Piece> {
  const lengthBytes = Math.min(PIECE_BYTES, range.endByte - startByte);
  const buffer = await pool.take();
  let done = 0;
  while (done < lengthBytes) {
    const position = startByte + done;
    const count = await readOnce(fileDescriptor, name, buffer, done, lengthBytes - done, position);
    if (count === 0) {
      const problem = `ends at byte ${position}, inside a range that is to be copied`;
      throw new SystemError('short-read', name, problem);
    }
    done += count;
  }
  return {
    range,
    startByte,
    bytes: buffer.subarray(0, lengthBytes),
    buffer,
    isLastOfRange: startByte + lengthBytes === range.endByte,
  };
}

async function readOnce(
  fileDescriptor: number,
  name: string,
  buffer: Uint8Array,
  offset: number,
  lengthBytes: number,
  position: number,
): Promise<number> {
  try {
    return (await readAt(fileDescriptor, buffer, offset, lengthBytes, position)).bytesRead;
  } catch (error) {
    throw SystemError.from(error, name);
  }
}

async function* readThrough(
  source: ImageSource,
  plan: CopyPlan,
  pool: BufferPool,
  signal: AbortSignal,
): AsyncGenerator<Piece, void, undefined> {
  let positionByte = 0;
  let rangeIndex = 0;
  let buffer: Uint8Array | undefined;
  let filled = 0;
  const takePiece = (range: PlannedRange, isLastOfRange: boolean): Piece => {
    const whole = buffer!;
    const bytes = whole.subarray(0, filled);
    const piece = { range, startByte: positionByte - filled, bytes, buffer: whole, isLastOfRange };
    buffer = undefined;
    filled = 0;
    return piece;
  };
  for await (const chunk of source.chunks(signal)) {
    let offset = 0;
    while (offset < chunk.length) {
      const range = plan.ranges[rangeIndex];
      const left = chunk.length - offset;
      // Between and behind the ranges the source is only counted.
      const skipBytes = Math.min(left, Math.max((range?.startByte ?? Infinity) - positionByte, 0));
      offset += skipBytes;
      positionByte += skipBytes;
      if (range === undefined || offset === chunk.length) continue;
      buffer ??= await pool.take();
      const count = Math.min(
        chunk.length - offset,
        PIECE_BYTES - filled,
        range.endByte - positionByte,
      );
      buffer.set(chunk.subarray(offset, offset + count), filled);
      filled += count;
      offset += count;
      positionByte += count;
      const isLastOfRange = positionByte === range.endByte;
      if (isLastOfRange) rangeIndex++;
      if (isLastOfRange || filled === PIECE_BYTES) yield takePiece(range, isLastOfRange);
    }
  }
  const open = plan.ranges[rangeIndex];
  if (open !== undefined && open.endByte === Infinity && filled > 0) yield takePiece(open, true);
  assertSize(source, plan, positionByte);
}

function assertSize({ name }: ImageSource, plan: CopyPlan, sizeBytes: number): void {
  const { imageSizeBytes, names } = plan;
  if (imageSizeBytes === undefined || sizeBytes === imageSizeBytes) return;
  const sizes = `the image has ${sizeBytes} bytes instead of ${imageSizeBytes}`;
  if (names.map === undefined) throw new MismatchError('image-size', `${name}: ${sizes}`);
  const copied = countBlocksBefore(plan, sizeBytes);
  const wanted = countBlocksBefore(plan, imageSizeBytes);
  throw new MismatchError(
    sizeBytes < imageSizeBytes ? 'short-image' : 'image-size',
    `wrote ${copied} blocks from image '${name}' to '${names.target}', but should have ${wanted} - bmap file '${names.map}' does not belong to this image, or the image is not complete: ${sizes}`,
  );
}
