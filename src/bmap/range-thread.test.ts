import { Worker } from 'node:worker_threads';

import { expect, it } from 'vitest';

import { awaitOutcome } from './range-thread.ts';
import { isWorkStopped, shareRanges } from './shared-ranges.ts';

function start(code: string): Worker {
  return new Worker(`const { parentPort } = require('node:worker_threads'); ${code}`, {
    eval: true,
  });
}

it('waits for the end of the thread, and takes the first message that is an outcome', async () => {
  const ranges = shareRanges([0, 1]);
  const worker = start('for (const number of [1, 2, 3]) parentPort.postMessage(number);');
  const outcome = awaitOutcome(worker, ranges, (message) => (message === 1 ? undefined : message));
  await expect(outcome).resolves.toBe(2);
  expect(isWorkStopped(ranges)).toBe(false);
});

it.each([
  ['what a thread died of', "throw new Error('of the thread')", /of the thread/],
  ['a thread that ends without a word', 'process.exit(3)', /ended with 3/],
])('tells %s, and stops the others', async (_, code, message) => {
  const ranges = shareRanges([0, 1]);
  await expect(awaitOutcome(start(code), ranges, () => undefined)).rejects.toThrow(message);
  expect(isWorkStopped(ranges)).toBe(true);
});
