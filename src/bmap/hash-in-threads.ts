/** Runs one hash job in several threads. Apart from `hashRanges`, so that small jobs load no threads. */
import { Worker } from 'node:worker_threads';

import { hashFirstAhead } from './hash-ahead.ts';
import type { HashJob, HashOutcome } from './hash-job.ts';
import { awaitOutcome } from './range-thread.ts';
import { longestShare, stopWork } from './shared-ranges.ts';

/**
 * One outcome for each thread, this one included, when all have let go of the file. Aborting makes them
 * stop early.
 * @throws what a thread died of.
 */
export async function hashInThreads(
  job: HashJob,
  threads: number,
  signal: AbortSignal | undefined,
): Promise<readonly HashOutcome[]> {
  const stop = (): void => stopWork(job.ranges);
  signal?.addEventListener('abort', stop);
  try {
    // It keeps a thread busy for as long as the others need for all the rest.
    const isOneLongest = longestShare(job.ranges) * threads >= 1;
    const own = isOneLongest ? [hashFirst(job)] : [];
    const others = Array.from({ length: threads - own.length }, () => runInThread(job));
    const runs = [...own, ...others];
    // All of them are awaited, so that no thread reads from a descriptor that has been closed.
    const settled = await Promise.allSettled(runs);
    return settled.map((run) => {
      if (run.status === 'rejected') throw run.reason;
      return run.value;
    });
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** Here, in the thread that would else only wait. It has the range before any other has started. */
async function hashFirst(job: HashJob): Promise<HashOutcome> {
  try {
    return await hashFirstAhead(job);
  } catch (error) {
    stopWork(job.ranges);
    throw error;
  }
}

async function runInThread(job: HashJob): Promise<HashOutcome> {
  const worker = new Worker(new URL('./hash-worker.js', import.meta.url), { workerData: job });
  return awaitOutcome(worker, job.ranges, (message) => message as HashOutcome);
}
