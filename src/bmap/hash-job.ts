/**
 * The work of hashing the ranges of an open file, laid out in memory that threads share. Each thread
 * runs `runHashJob`, which takes one range after the other by an atomic counter, so nobody deals out
 * work and a thread that meets a slow part of the file does not hold up the rest.
 *
 * File descriptors belong to the process, so all threads read the same one, at positions of their own.
 */
import { createHash, hash, type Hash } from 'node:crypto';
import { readSync } from 'node:fs';

import { toCallFailure, type CallFailure } from '../errors/call-failure.ts';

/** Large enough to hash at memory speed, small enough to have one for each thread. */
const CHUNK_BYTES = 2 ** 20;

export interface HashJob {
  readonly fileDescriptor: number;
  /** Node's name of the digest. */
  readonly digest: string;
  readonly digestLengthBytes: number;
  /** Start and end byte of each range, in the order of the result. */
  readonly bounds: Float64Array;
  /** The numbers of the ranges in the order in which they are taken: largest first, so that no thread is left alone with one at the end. */
  readonly order: Uint32Array;
  /** The digests, one after the other, in the order of the result. */
  readonly digests: Uint8Array;
  /** How many ranges have been taken, and whether to stop. See the indices below. */
  readonly control: Int32Array;
  /** One number: the bytes hashed so far by all threads. */
  readonly bytesDone: BigInt64Array;
}

const TAKEN = 0;
const STOPPED = 1;

export type HashOutcome =
  | { readonly kind: 'finished' }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'short-read'; readonly endByte: number }
  | ({ readonly kind: 'failed' } & CallFailure);

/** Lays out the work. `bounds` holds start and end byte of each range. */
export function planHashJob(
  fileDescriptor: number,
  digest: string,
  digestLength: number,
  bounds: readonly number[],
): HashJob {
  const count = bounds.length / 2;
  const sharedBounds = new Float64Array(new SharedArrayBuffer(bounds.length * 8));
  sharedBounds.set(bounds);
  const order = new Uint32Array(new SharedArrayBuffer(count * 4));
  order.set(order.map((_, index) => index));
  const lengthOf = (index: number) => rangeLength(sharedBounds, index);
  order.sort((left, right) => lengthOf(right) - lengthOf(left));
  return {
    fileDescriptor,
    digest,
    digestLengthBytes: digestLength,
    bounds: sharedBounds,
    order,
    digests: new Uint8Array(new SharedArrayBuffer(count * digestLength)),
    control: new Int32Array(new SharedArrayBuffer(8)),
    bytesDone: new BigInt64Array(new SharedArrayBuffer(8)),
  };
}

export function rangeLength(bounds: HashJob['bounds'], index: number): number {
  return bounds[index * 2 + 1]! - bounds[index * 2]!;
}

/** Asks all threads to end after the chunk they are at. */
export function stopHashJob(job: HashJob): void {
  Atomics.store(job.control, STOPPED, 1);
}

/** The bytes hashed so far by all threads. */
export function readBytesDone(job: HashJob): number {
  return Number(Atomics.load(job.bytesDone, 0));
}

/** Whether `stopHashJob` was called. */
export function isHashJobStopped(job: HashJob): boolean {
  return Atomics.load(job.control, STOPPED) !== 0;
}

/** The number of the next range that nobody has taken; undefined if there is none. */
export function takeRange(job: HashJob): number | undefined {
  return job.order[Atomics.add(job.control, TAKEN, 1)];
}

/** Hashes ranges until none is left, or until one thread has failed or was stopped. */
export function runHashJob(job: HashJob): HashOutcome {
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (let index = takeRange(job); index !== undefined; index = takeRange(job)) {
    const outcome = hashRange(job, index, chunk);
    if (outcome === undefined) continue;
    stopHashJob(job);
    return outcome;
  }
  return { kind: 'finished' };
}

/** @returns undefined if all went well. */
function hashRange(job: HashJob, index: number, chunk: Uint8Array): HashOutcome | undefined {
  let hasher: Hash | undefined;
  const endByte = job.bounds[index * 2 + 1]!;
  let atByte = job.bounds[index * 2]!;
  while (atByte < endByte) {
    if (isHashJobStopped(job)) return { kind: 'stopped' };
    let count: number;
    try {
      count = readSync(
        job.fileDescriptor,
        chunk,
        0,
        Math.min(CHUNK_BYTES, endByte - atByte),
        atByte,
      );
    } catch (error) {
      return { kind: 'failed', ...toCallFailure(error) };
    }
    if (count === 0) return { kind: 'short-read', endByte: atByte };
    const bytes = chunk.subarray(0, count);
    atByte += count;
    noteBytesDone(job, count);
    if (hasher === undefined && atByte === endByte) {
      // Half the cost for short ranges, of which there may be very many.
      noteDigest(job, index, hash(job.digest, bytes, 'buffer'));
      return undefined;
    }
    hasher ??= createHash(job.digest);
    hasher.update(bytes);
  }
  hasher ??= createHash(job.digest);
  noteDigest(job, index, hasher.digest());
  return undefined;
}

export function noteBytesDone(job: HashJob, count: number): void {
  Atomics.add(job.bytesDone, 0, BigInt(count));
}

export function noteDigest(job: HashJob, index: number, digest: Uint8Array): void {
  job.digests.set(digest, index * job.digestLengthBytes);
}
