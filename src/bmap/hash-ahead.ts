/**
 * The one range that outlasts all others: it is read ahead by Node's own threads, and so hashed as fast
 * as one core can.
 */
import { createHash } from 'node:crypto';
import { read } from 'node:fs';
import { promisify } from 'node:util';

import { toCallFailure } from '../errors/call-failure.ts';
import { noteDigest, type HashJob, type HashOutcome } from './hash-job.ts';
import { isWorkStopped, noteBytesDone, stopWork, takeRange } from './shared-ranges.ts';

const readAt = promisify(read);

/** Hashing one takes 2 ms: reading is handed over seldom, and signals do not wait long. */
const AHEAD_BYTES = 4 * 2 ** 20;

/**
 * Takes the first range, which is the longest, and hashes it. The event loop goes on running.
 * @returns as `runHashJob`; the ranges behind it are for other threads.
 */
export async function hashFirstAhead(job: HashJob): Promise<HashOutcome> {
  const index = takeRange(job.ranges);
  if (index === undefined) return { kind: 'finished' };
  const outcome = await hashAhead(job, index);
  if (outcome === undefined) return { kind: 'finished' };
  stopWork(job.ranges);
  return outcome;
}

/** @returns undefined if all went well. */
async function hashAhead(job: HashJob, index: number): Promise<HashOutcome | undefined> {
  const hasher = createHash(job.digest);
  const endByte = job.ranges.bounds[index * 2 + 1]!;
  let atByte = job.ranges.bounds[index * 2]!;
  // One is hashed while the other is filled.
  let [current, other] = [new Uint8Array(AHEAD_BYTES), new Uint8Array(AHEAD_BYTES)];
  let ahead = readChunk(job, current, atByte, endByte);
  while (atByte < endByte) {
    const outcome = await ahead;
    if (typeof outcome !== 'number') return outcome;
    if (outcome === 0) return { kind: 'short-read', endByte: atByte };
    const nextByte = atByte + outcome;
    if (isWorkStopped(job.ranges)) return { kind: 'stopped' };
    if (nextByte < endByte) ahead = readChunk(job, other, nextByte, endByte);
    hasher.update(current.subarray(0, outcome));
    noteBytesDone(job.ranges, outcome);
    atByte = nextByte;
    [current, other] = [other, current];
  }
  noteDigest(job, index, hasher.digest());
  return undefined;
}

/** @returns how much was read. Never rejects because of the file, so that it may be left waiting. */
async function readChunk(
  job: HashJob,
  chunk: Uint8Array,
  atByte: number,
  endByte: number,
): Promise<number | HashOutcome> {
  try {
    const lengthBytes = Math.min(chunk.length, endByte - atByte);
    return (await readAt(job.fileDescriptor, chunk, 0, lengthBytes, atByte)).bytesRead;
  } catch (error) {
    return { kind: 'failed', ...toCallFailure(error) };
  }
}
