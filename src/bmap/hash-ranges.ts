/**
 * Hashes the ranges of an open file on all cores. One range cannot be split, since its checksum is
 * one digest: an image that is one single range is hashed by one core.
 */
import { availableParallelism } from 'node:os';

import { SystemError } from '../errors/errors.ts';
import type { RangeSet } from '../ranges/range-set.ts';
import { digestLengthBytes, findDigest } from './digest.ts';
import { planHashJob, runHashJob, type HashJob, type HashOutcome } from './hash-job.ts';
import { readBytesDone } from './shared-ranges.ts';

/** Below this, starting a thread (about 15 ms) costs more than hashing at 2 GB/s does. */
const INLINE_BYTES = 16 * 2 ** 20;
/** A thread takes about 10 MiB of memory, and disks do not feed more of them. */
const MAX_THREADS = 8;
const PROGRESS_MS = 100;

export interface HashRangesOptions {
  /** Open for reading until the promise is settled. */
  readonly fileDescriptor: number;
  /** For messages. */
  readonly path: string;
  readonly ranges: RangeSet;
  /** The size of the image: a range that goes beyond is cut here, as the last block of a map is. */
  readonly sizeBytes: number;
  /** As ChecksumType names it, for example `sha256`. */
  readonly algorithm: string;
  /** Called about ten times a second, and once at the end. */
  readonly onProgress?: (bytesDone: number) => void;
  /** Aborting rejects with the signal's reason, after all threads have let go of the file. */
  readonly signal?: AbortSignal;
  /** All cores by default, at most 8. */
  readonly threads?: number;
}

/**
 * The lower-case hex digest of each range, in order.
 * @throws {RangeError} if a range starts at or behind `sizeBytes`, or the digest is not known.
 * @throws {SystemError} kind `short-read` if the file ends inside a range, or the errno name.
 */
export async function hashRanges(options: HashRangesOptions): Promise<readonly string[]> {
  const { ranges, path, signal, onProgress } = options;
  signal?.throwIfAborted();
  const digest = findDigest(options.algorithm);
  if (digest === undefined) throw new RangeError(`no digest named ${options.algorithm}`);
  const bounds = clipBounds(ranges, options.sizeBytes);
  const job = planHashJob(options.fileDescriptor, digest, digestLengthBytes(digest), bounds);

  const outcomes =
    ranges.lengthBytes < INLINE_BYTES ? [runHashJob(job)] : await runInThreads(job, options);
  signal?.throwIfAborted();
  for (const outcome of outcomes) assertHashed(outcome, path);
  onProgress?.(readBytesDone(job.ranges));
  return readDigests(job, ranges.count);
}

function clipBounds(ranges: RangeSet, sizeBytes: number): readonly number[] {
  const bounds: number[] = [];
  for (const { startByte, endByte } of ranges) {
    if (startByte >= sizeBytes) throw new RangeError(`byte ${startByte} is not inside the image`);
    bounds.push(startByte, Math.min(endByte, sizeBytes));
  }
  return bounds;
}

async function runInThreads(
  job: HashJob,
  { ranges, onProgress, signal, threads = availableParallelism() }: HashRangesOptions,
): Promise<readonly HashOutcome[]> {
  const { hashInThreads } = await import('./hash-in-threads.ts');
  signal?.throwIfAborted();
  const timer = setInterval(() => onProgress?.(readBytesDone(job.ranges)), PROGRESS_MS);
  const count = Math.max(Math.min(threads, MAX_THREADS, ranges.count), 1);
  return hashInThreads(job, count, signal).finally(() => clearInterval(timer));
}

function assertHashed(outcome: HashOutcome, path: string): void {
  switch (outcome.kind) {
    case 'finished':
    case 'stopped': // By the failure of another thread, whose outcome says why.
      return;
    case 'short-read':
      throw new SystemError(
        'short-read',
        path,
        `ends at byte ${outcome.endByte}, inside a mapped range; was it cut while it was read?`,
      );
    case 'failed':
      throw SystemError.from(outcome, path);
  }
}

function readDigests(job: HashJob, count: number): readonly string[] {
  const all = Buffer.from(job.digests).toString('hex');
  const digits = job.digestLengthBytes * 2;
  return Array.from({ length: count }, (_, index) =>
    all.slice(index * digits, (index + 1) * digits),
  );
}
