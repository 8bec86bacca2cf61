/**
 * Cuts the planned ranges of an image into pieces, in order. From an open file they are read where they
 * lie; everything else is read from end to end, since only there a decoder knows that all was right.
 */
import type { BufferPool } from './buffer-pool.ts';
import type { CopyPlan } from './copy-plan.ts';
import type { Piece } from './piece.ts';
import { readPlaces } from './read-places.ts';
import { readThrough } from './read-through.ts';
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
