/** A lane: runs the job it was started with, asks for its target when it needs it, sends the outcome. */
import { once } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';

import { runLane, type LaneJob, type LaneMessage } from './lane-job.ts';

const port = parentPort!;

function send(message: LaneMessage): void {
  // A port between threads: there is no origin to name.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  port.postMessage(message);
}

async function askForTarget(): Promise<number | undefined> {
  const answer = once(port, 'message');
  send({ kind: 'target-wanted' });
  const [fileDescriptor] = (await answer) as [number | undefined];
  return fileDescriptor;
}

send(await runLane(workerData as LaneJob, askForTarget));
