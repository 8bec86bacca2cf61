import type { Worker } from 'node:worker_threads';

import { stopWork, type SharedRanges } from './shared-ranges.ts';

/**
 * The outcome of a thread that works on ranges: what `takeMessage` makes of one of its messages, when the
 * thread has ended. A thread that dies stops the others.
 * @throws what it died of.
 */
export async function awaitOutcome<Outcome>(
  worker: Worker,
  ranges: SharedRanges,
  takeMessage: (message: unknown) => Outcome | undefined,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    let outcome: Outcome | undefined;
    worker.on('message', (message) => {
      outcome ??= takeMessage(message);
    });
    worker.once('error', (error) => {
      stopWork(ranges);
      reject(error);
    });
    worker.once('exit', (code) => {
      if (outcome === undefined) {
        stopWork(ranges);
        reject(new Error(`a thread ended with ${code} and without a result`));
      } else {
        resolve(outcome);
      }
    });
  });
}
