/** The thread of `PartThread`: runs the jobs that it is sent, in order. */
import { parentPort } from 'node:worker_threads';

import { runPartJob, type PartJob } from './part-job.ts';

parentPort?.on('message', (job: PartJob) => {
  // A port between threads: there is no origin to name.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  parentPort?.postMessage(runPartJob(job));
});
