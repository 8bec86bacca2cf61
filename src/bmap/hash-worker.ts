/** A thread of `hashRanges`: runs the job it was started with and sends the outcome. */
import { parentPort, workerData } from 'node:worker_threads';

import { runHashJob, type HashJob } from './hash-job.ts';

// A port between threads: there is no origin to name.
// oxlint-disable-next-line unicorn/require-post-message-target-origin
parentPort?.postMessage(runHashJob(workerData as HashJob));
