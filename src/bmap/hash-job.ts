/**
 * The work of hashing the ranges of an open file on several threads, each of which runs `runHashJob`.
 *
 * File descriptors belong to the process, so all threads read the same one, at positions of their own.
 */
import { createHash, hash, type Hash } from 'node:crypto';
import { readSync } from 'node:fs';

import { toCallFailure, type CallFailure } from '../errors/call-failure.ts';
import {
  isWorkStopped,
  noteBytesDone,
  shareRanges,
  stopWork,
  takeRange,
  type SharedRanges,
} from './shared-ranges.ts';

/** Large enough to hash at memory speed, small enough to have one for each thread. */
const CHUNK_BYTES = 2 ** 20;

export interface HashJob {
  readonly fileDescriptor: number;
  /** Node's name of the digest. */
  readonly digest: string;
  readonly digestLengthBytes: number;
  readonly ranges: SharedRanges;
  /** The digests, one after the other, in the order of the result. */
  readonly digests: Uint8Array;
}

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
  return {
    fileDescriptor,
    digest,
    digestLengthBytes: digestLength,
    ranges: shareRanges(bounds),
    digests: new Uint8Array(new SharedArrayBuffer((bounds.length / 2) * digestLength)),
  };
}

/** Hashes ranges until none is left, or until one thread has failed or was stopped. */
export function runHashJob(job: HashJob): HashOutcome {
  const chunk = new Uint8Array(CHUNK_BYTES);
  for (let index = takeRange(job.ranges); index !== undefined; index = takeRange(job.ranges)) {
    const outcome = hashRange(job, index, chunk);
    if (outcome === undefined) continue;
    stopWork(job.ranges);
    return outcome;
  }
  return { kind: 'finished' };
}

/** @returns undefined if all went well. */
function hashRange(job: HashJob, index: number, chunk: Uint8Array): HashOutcome | undefined {
  let hasher: Hash | undefined;
  const endByte = job.ranges.bounds[index * 2 + 1]!;
  let atByte = job.ranges.bounds[index * 2]!;
  while (atByte < endByte) {
    if (isWorkStopped(job.ranges)) return { kind: 'stopped' };
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
    noteBytesDone(job.ranges, count);
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

export function noteDigest(job: HashJob, index: number, digest: Uint8Array): void {
  job.digests.set(digest, index * job.digestLengthBytes);
}
