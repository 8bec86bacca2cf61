/**
 * Cuts the planned ranges of an image into pieces, in order. From an open file they are read where they
 * lie; everything else is read from end to end, since only there a decoder knows that all was right.
 */
import { MismatchError } from '../errors/errors.ts';
import type { BufferPool, PooledBuffer } from './buffer-pool.ts';
import { countBlocksBefore, listMapped, type CopyPlan } from './copy-plan.ts';
import { PieceGroup, type Piece } from './piece.ts';
import { readPlaces } from './read-places.ts';
import type { ImageSource } from './source/image-source.ts';

/**
 * The pieces of all ranges of the plan, those of one buffer at a time; each holds that buffer.
 * @throws {MismatchError} kind `short-image` or `image-size` if the source ends before or behind the
 *   planned size. @throws {CorruptError} if the source is damaged. @throws {SystemError}
 */
export async function* readPieces(
  source: ImageSource,
  plan: CopyPlan,
  pool: BufferPool,
  signal: AbortSignal,
): AsyncGenerator<readonly Piece[], void, undefined> {
  const { fileDescriptor, name } = source;
  if (fileDescriptor !== undefined && isReadInPlaces(source, plan)) {
    yield* readPlaces({ fileDescriptor, name }, plan.ranges, pool);
  } else {
    yield* readThrough(source, plan, pool, signal);
  }
}

/** Whether the ranges are read where they lie, and what is between them not at all. */
export function isReadInPlaces({ fileDescriptor }: ImageSource, plan: CopyPlan): boolean {
  return fileDescriptor !== undefined && plan.imageSizeBytes !== undefined;
}

async function* readThrough(
  source: ImageSource,
  plan: CopyPlan,
  pool: BufferPool,
  signal: AbortSignal,
): AsyncGenerator<readonly Piece[], void, undefined> {
  let positionByte = 0;
  let rangeIndex = 0;
  let group = new PieceGroup(pool);
  let buffer: PooledBuffer | undefined;
  /** Of the piece that is being filled; 0 between pieces. */
  let filledBytes = 0;
  let wantedBytes = 0;
  for await (const chunk of source.chunks(signal, listMapped(plan))) {
    let used = 0;
    while (used < chunk.length) {
      const range = plan.ranges[rangeIndex];
      const left = chunk.length - used;
      // Between and behind the ranges the source is only counted.
      const skipBytes = Math.min(left, Math.max((range?.startByte ?? Infinity) - positionByte, 0));
      used += skipBytes;
      positionByte += skipBytes;
      if (range === undefined || used === chunk.length) continue;
      if (filledBytes === 0) wantedBytes = Math.min(pool.bufferBytes, range.endByte - positionByte);
      buffer ??= await pool.take();
      const count = Math.min(chunk.length - used, wantedBytes - filledBytes);
      buffer.bytes.set(chunk.subarray(used, used + count), group.nextOffset + filledBytes);
      filledBytes += count;
      used += count;
      positionByte += count;
      if (filledBytes < wantedBytes) continue;
      group.add(range, positionByte - filledBytes, filledBytes);
      filledBytes = 0;
      if (positionByte === range.endByte) rangeIndex++;
      const next = plan.ranges[rangeIndex];
      if (next !== undefined) {
        const nextByte = Math.max(next.startByte, positionByte);
        if (group.hasRoomFor(next.endByte - nextByte)) continue;
      }
      yield group.release(buffer);
      group = new PieceGroup(pool);
      buffer = undefined;
    }
  }
  const open = plan.ranges[rangeIndex];
  if (open !== undefined && open.endByte === Infinity && filledBytes > 0) {
    group.add(open, positionByte - filledBytes, filledBytes);
  }
  if (group.placed.length > 0) yield group.release(buffer!);
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
