/** Copies the ranges of a plan in lanes: one range to a thread, on all cores. See `lane-job.ts`. */
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

import { awaitOutcome } from '../../bmap/range-thread.ts';
import { readBytesDone, stopWork } from '../../bmap/shared-ranges.ts';
import { MismatchError } from '../../errors/errors.ts';
import { assertRead, type OpenImage } from '../read-places.ts';
import type { TargetQueue } from '../target-queue.ts';
import { assertWritten } from '../target/write-target.ts';
import type { LaneJob, LaneMessage, LaneOutcome } from './lane-job.ts';

/** A lane takes some 20 MiB of memory. */
const MAX_LANES = 4;
const PROGRESS_MS = 100;

export interface LaneCopyOptions {
  readonly queue: TargetQueue;
  readonly onProgress: (bytesDone: number) => void;
  readonly signal: AbortSignal;
}

/**
 * Runs the job to its end. The target's own failure stays in its queue.
 * @throws what reading the source or a checksum throws, and the signal's reason; all lanes have ended.
 */
export async function copyInLanes(job: LaneJob, options: LaneCopyOptions): Promise<void> {
  const { queue, onProgress, signal } = options;
  signal.throwIfAborted();
  const stop = (): void => stopWork(job.ranges);
  signal.addEventListener('abort', stop);
  const count = Math.min(availableParallelism(), MAX_LANES, job.ranges.order.length);
  const opened = openOnce(queue);
  const lanes = Promise.allSettled(
    Array.from({ length: count }, async () => runInThread(job, opened)),
  );
  try {
    // Told from here, so that what a caller's function throws ends the copy.
    do onProgress(readBytesDone(job.ranges));
    while (await Promise.race([lanes.then(() => false), sleep(PROGRESS_MS, true, { ref: false })]));
  } finally {
    stop();
    signal.removeEventListener('abort', stop);
    await lanes;
    queue.noteWritten(readBytesDone(job.ranges));
  }
  const outcomes = (await lanes).map((lane) => {
    if (lane.status === 'rejected') throw lane.reason;
    return lane.value;
  });
  signal.throwIfAborted();
  for (const outcome of outcomes) report(outcome, job.source, queue);
  const isWhole = outcomes.every(({ kind }) => kind === 'finished');
  if (!isWhole && queue.failure === undefined) throw new Error('a lane stopped without a reason');
  onProgress(readBytesDone(job.ranges));
}

/** The descriptor of the target, for all lanes; undefined if it cannot be opened. */
function openOnce(queue: TargetQueue): () => Promise<number | undefined> {
  let opening: Promise<number | undefined> | undefined;
  return async () => (opening ??= queue.openForThreads().then((file) => file?.fileDescriptor));
}

async function runInThread(
  job: LaneJob,
  openTarget: () => Promise<number | undefined>,
): Promise<LaneOutcome> {
  const worker = new Worker(new URL('./lane-worker.js', import.meta.url), { workerData: job });
  return awaitOutcome(worker, job.ranges, (message) => {
    const { kind } = message as LaneMessage;
    if (kind !== 'target-wanted') return message as LaneOutcome;
    // A port between threads: there is no origin to name.
    // oxlint-disable-next-line unicorn/require-post-message-target-origin
    void openTarget().then((fileDescriptor) => worker.postMessage(fileDescriptor));
    return undefined;
  });
}

function report(outcome: LaneOutcome, source: OpenImage, queue: TargetQueue): void {
  switch (outcome.kind) {
    case 'finished':
    case 'stopped': // By the failure of another lane, or of the target, or by the signal.
      return;
    case 'mismatch':
      throw new MismatchError('range-checksum', outcome.message);
    case 'unread':
      assertRead(source, outcome.outcome);
      return;
    case 'unwritten':
      try {
        assertWritten(queue.path, outcome.outcome);
      } catch (error) {
        queue.fail(error);
      }
  }
}
