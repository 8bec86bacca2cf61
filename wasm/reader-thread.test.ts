import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';

import { makeScratchFolder } from '../test/support/scratch.ts';
import { askReaderThread, boundsOf, type ThreadAnswer } from './reader-thread.ts';

/** Lets a thread with this program answer for a volume of 1000 bytes. */
function askProgram(program: string, timeoutMs = 30_000): Promise<ThreadAnswer> {
  const file = path.join(makeScratchFolder(), 'program.mjs');
  writeFileSync(
    file,
    `import { parentPort, workerData } from 'node:worker_threads';
     const send = (...bounds) => parentPort.postMessage({ kind: 'ranges', bounds: Float64Array.from(bounds) });
     ${program}`,
  );
  return askReaderThread(pathToFileURL(file), {
    path: 'image',
    startByte: 0,
    lengthBytes: 1000,
    timeoutMs,
  });
}

it('returns the ranges of the thread, merged', async () => {
  const answer = await askProgram('send(10, 20, 20, 30, 900, workerData.lengthBytes)');
  expect(answer.kind).toBe('ranges');
  expect(answer.kind === 'ranges' && [...boundsOf(answer.ranges)]).toEqual([10, 30, 900, 1000]);
});

it.each([
  ['throws', 'throw new Error("no\\nway")', 'it failed: no'],
  ['rejects', 'await Promise.reject(new Error("no way"))', 'it failed: no way'],
  ['throws later', 'setTimeout(() => { throw new Error("later") })', 'it failed: later'],
  ['throws something else', 'throw 7', 'it failed: 7'],
  ['exits', 'process.exit(3)', 'it ended without an answer (exit 3)'],
  ['says nothing', '', 'it ended without an answer (exit 0)'],
  ['does not parse', ')', "it failed: Unexpected token ')'"],
  ['calls abort', 'process.abort()', 'it failed: process.abort() is not supported in workers'],
  ['refuses', 'parentPort.postMessage({ kind: "refused", reason: "no" })', 'no'],
  ['names a range past the end', 'send(990, 1001)', 'it named a range outside of the volume'],
  ['names a range before the start', 'send(-1, 5)', 'it named a range outside of the volume'],
  ['names a range backwards', 'send(5, 4)', 'it named a range outside of the volume'],
  ['names half a range', 'send(5)', 'it named a range outside of the volume'],
  ['names a fraction', 'send(1.5, 5)', 'it named a range outside of the volume'],
  ['names no number', 'send(NaN, 5)', 'it named a range outside of the volume'],
])('refuses when the thread %s', async (_, program, reason) => {
  expect(await askProgram(program)).toEqual({ kind: 'refused', reason });
});

it('stops a thread that does not end', async () => {
  const answer = await askProgram('for (;;);', 200);
  expect(answer).toEqual({ kind: 'refused', reason: 'it was not ready after 200 ms' });
});

it('survives a thread that fills its memory', async () => {
  const answer = await askProgram('const all = []; for (;;) all.push(new Array(1e6).fill(all));');
  expect(answer.kind === 'refused' && answer.reason).toContain('memory limit');
});

it('keeps the handlers of the thread out of the process', async () => {
  const before = process.listenerCount('uncaughtException');
  await askProgram('process.on("uncaughtException", () => {}); send()');
  expect(process.listenerCount('uncaughtException')).toBe(before);
});
