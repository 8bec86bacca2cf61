/**
 * The stream of bytes: source -> pieces -> checksum gate -> all targets at once. The source is read and
 * hashed once, however many targets there are; what is not written yet is bounded by the buffer pool.
 */
import { allocatePages } from '../../native/pages.ts';
import { BufferPool } from './buffer-pool.ts';
import { ChecksumGate } from './checksum-gate.ts';
import type { CopyPlan } from './copy-plan.ts';
import { planLanes } from './lanes/plan-lanes.ts';
import type { LaneJob } from './lanes/lane-job.ts';
import type { Piece } from './piece.ts';
import { isReadInPlaces, readPieces } from './read-pieces.ts';
import type { ImageSource } from './source/image-source.ts';
import type { TargetQueue } from './target-queue.ts';

interface PoolShape {
  readonly count: number;
  readonly bufferBytes: number;
}

/**
 * From a file, larger buffers: handing one to a thread costs as much as reading 1 MiB does. A card that
 * takes 2 MB/s still is left within a second. The gate withholds up to 5, 3 are read ahead, and the rest
 * is written meanwhile.
 */
const PLACES_POOL: PoolShape = { count: 16, bufferBytes: 2 * 2 ** 20 };
/** From a stream, as much as its decoders give; the gate withholds up to 9. */
const STREAM_POOL: PoolShape = { count: 24, bufferBytes: 2 ** 20 };

export interface CopyRangesOptions {
  readonly source: ImageSource;
  readonly plan: CopyPlan;
  readonly queues: readonly TargetQueue[];
  /** Told of every piece that is being written, in order; undefined where nobody has to know. */
  readonly onPiece: ((piece: Piece) => void) | undefined;
  /** Told how many bytes have been written, or given up, everywhere. */
  readonly onProgress: (bytesDone: number) => void;
  readonly signal: AbortSignal;
}

/**
 * Writes the planned ranges to all targets. A target's own failure stays in its queue; if all have
 * failed, the rest of the source is not read.
 * @returns the number of bytes of the image that have been written.
 * @throws what reading the source or a checksum throws, and the signal's reason; all writes have ended.
 */
export async function copyRanges(options: CopyRangesOptions): Promise<number> {
  const { source, plan, queues, onPiece, onProgress, signal } = options;
  const laneJob = findLaneJob(options);
  if (laneJob !== undefined) {
    const { copyInLanes } = await import('./lanes/copy-in-lanes.ts');
    await copyInLanes(laneJob, { queue: queues[0]!, onProgress, signal });
    return plan.ranges.at(-1)!.endByte;
  }
  const allocate = queues.some(({ wantsPages }) => wantsPages) ? allocatePages : undefined;
  const { count, bufferBytes } = isReadInPlaces(source, plan) ? PLACES_POOL : STREAM_POOL;
  const pool = new BufferPool(count, bufferBytes, allocate);
  const gate = new ChecksumGate({ ...plan, sourceName: source.name });
  let endByte = 0;
  let bytesDone = 0;
  let bytesTold = 0;
  // Each target writes in order, so the last write ends last. None of them rejects.
  let lastWrite: Promise<void> | undefined;
  // Called from here only, so that what a caller's function throws ends the copy.
  const tell = (): void => {
    if (bytesDone === bytesTold) return;
    bytesTold = bytesDone;
    onProgress(bytesDone);
  };
  const write = (pieces: readonly Piece[]): void => {
    const last = pieces.at(-1);
    if (last === undefined) return;
    if (onPiece !== undefined) pieces.forEach(onPiece);
    endByte = last.startByte + last.bytes.length;
    lastWrite = writeToAll(pieces, queues, pool).then(() => {
      for (const { bytes } of pieces) bytesDone += bytes.length;
    });
  };
  try {
    for await (const pieces of readPieces(source, plan, pool, signal)) {
      signal.throwIfAborted();
      if (queues.every(({ failure }) => failure !== undefined)) break;
      const passed: Piece[] = [];
      try {
        for (const piece of pieces) passed.push(...gate.pass(piece));
      } finally {
        // Also those that are right before one that is not.
        write(passed);
      }
      tell();
    }
  } finally {
    await lastWrite;
  }
  tell();
  return endByte;
}

/** Undefined where the pieces are to come in order, as several targets and `onPiece` want them. */
function findLaneJob(options: CopyRangesOptions): LaneJob | undefined {
  const { source, plan, queues, onPiece } = options;
  const { fileDescriptor, name } = source;
  const takesThreads = queues.length === 1 && queues[0]!.takesThreads && onPiece === undefined;
  if (fileDescriptor === undefined || !takesThreads) return undefined;
  return planLanes({ fileDescriptor, name }, plan);
}

async function writeToAll(
  pieces: readonly Piece[],
  queues: readonly TargetQueue[],
  pool: BufferPool,
): Promise<void> {
  await Promise.all(queues.map(async (queue) => queue.write(pieces)));
  for (const { buffer } of pieces) pool.give(buffer);
}
