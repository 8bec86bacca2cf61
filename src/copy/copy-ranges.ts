/**
 * The stream of bytes: source -> pieces -> checksum gate -> all targets at once. The source is read and
 * hashed once, however many targets there are; what is not written yet is bounded by the buffer pool.
 */
import { BufferPool } from './buffer-pool.ts';
import { ChecksumGate } from './checksum-gate.ts';
import type { CopyPlan } from './copy-plan.ts';
import { PIECE_BYTES, readPieces, type Piece } from './read-pieces.ts';
import type { ImageSource } from './source/image-source.ts';
import type { TargetQueue } from './target-queue.ts';

/** The gate withholds up to 9, one is read ahead; the rest lets reading and writing overlap. */
const BUFFER_COUNT = 24;

export interface CopyRangesOptions {
  readonly source: ImageSource;
  readonly plan: CopyPlan;
  readonly queues: readonly TargetQueue[];
  /** False to write without comparing checksums. */
  readonly verify: boolean;
  /** Told of every piece that is being written, in order. */
  readonly onPiece: (piece: Piece) => void;
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
  const { source, plan, queues, verify, onPiece, onProgress, signal } = options;
  const pool = new BufferPool(BUFFER_COUNT, PIECE_BYTES);
  const gate = verify ? new ChecksumGate(plan, source.name) : undefined;
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
  try {
    for await (const piece of readPieces(source, plan, pool, signal)) {
      signal.throwIfAborted();
      if (queues.every(({ failure }) => failure !== undefined)) break;
      for (const released of gate?.pass(piece) ?? [piece]) {
        onPiece(released);
        endByte = released.startByte + released.bytes.length;
        lastWrite = writeToAll(released, queues, pool).then(() => {
          bytesDone += released.bytes.length;
        });
      }
      tell();
    }
  } finally {
    await lastWrite;
  }
  tell();
  return endByte;
}

async function writeToAll(
  { bytes, startByte, buffer }: Piece,
  queues: readonly TargetQueue[],
  pool: BufferPool,
): Promise<void> {
  await Promise.all(queues.map(async (queue) => queue.write(bytes, startByte)));
  pool.give(buffer);
}
