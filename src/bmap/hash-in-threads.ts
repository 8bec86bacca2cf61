/** Runs one hash job in several threads. Apart from `hashRanges`, so that small jobs load no threads. */
import { Worker } from 'node:worker_threads';

import { hashFirstAhead } from './hash-ahead.ts';
import { rangeLength, stopHashJob, type HashJob, type HashOutcome } from './hash-job.ts';

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
  const stop = (): void => stopHashJob(job);
  signal?.addEventListener('abort', stop);
  try {
    const own = isOneLongest(job, threads) ? [hashFirst(job)] : [];
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

/** Whether one range keeps a thread busy for longer than all others keep the rest. */
function isOneLongest({ bounds, order }: HashJob, threads: number): boolean {
  const [longest] = order;
  if (longest === undefined) return false;
  if (order.length === 1) return true;
  const totalBytes = order.reduce((sum, index) => sum + rangeLength(bounds, index), 0);
  return rangeLength(bounds, longest) * threads > totalBytes;
}

/** Here, in the thread that would else only wait. It has the range before any other has started. */
async function hashFirst(job: HashJob): Promise<HashOutcome> {
  try {
    return await hashFirstAhead(job);
  } catch (error) {
    stopHashJob(job);
    throw error;
  }
}

async function runInThread(job: HashJob): Promise<HashOutcome> {
  const worker = new Worker(new URL('./hash-worker.js', import.meta.url), { workerData: job });
  return new Promise((resolve, reject) => {
    let outcome: HashOutcome | undefined;
    worker.once('message', (message: HashOutcome) => {
      outcome = message;
    });
    worker.once('error', (error) => {
      stopHashJob(job);
      reject(error);
    });
    worker.once('exit', (code) => {
      if (outcome === undefined) {
        stopHashJob(job);
        reject(new Error(`a hash thread ended with ${code} and without a result`));
      } else {
        resolve(outcome);
      }
    });
  });
}
