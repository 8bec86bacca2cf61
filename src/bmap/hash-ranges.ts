/**
 * Hashes the ranges of an open file on all cores. One range cannot be split, since its checksum is
 * one digest: an image that is one single range is hashed by one core.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

import { SystemError } from '../errors/errors.ts';
import type { RangeSet } from '../ranges/range-set.ts';
import { digestLengthBytes, findDigest } from './digest.ts';
import {
  planHashJob,
  readBytesDone,
  runHashJob,
  stopHashJob,
  type HashJob,
  type HashOutcome,
} from './hash-job.ts';

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
  onProgress?.(readBytesDone(job));
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
  { ranges, onProgress, signal, threads }: HashRangesOptions,
): Promise<readonly HashOutcome[]> {
  const wanted = Math.min(threads ?? availableParallelism(), MAX_THREADS, ranges.count);
  const stop = () => {
    stopHashJob(job);
  };
  const timer = setInterval(() => onProgress?.(readBytesDone(job)), PROGRESS_MS);
  signal?.addEventListener('abort', stop);
  try {
    const runs = Array.from({ length: Math.max(wanted, 1) }, () => runInThread(job));
    // All of them are awaited, so that no thread reads from a descriptor that has been closed.
    const settled = await Promise.allSettled(runs);
    return settled.map((run) => {
      if (run.status === 'rejected') throw run.reason;
      return run.value;
    });
  } finally {
    signal?.removeEventListener('abort', stop);
    clearInterval(timer);
  }
}

async function runInThread(job: HashJob): Promise<HashOutcome> {
  const worker = new Worker(new URL('./hash-worker.js', import.meta.url), { workerData: job });
  return new Promise((resolve, reject) => {
    let outcome: HashOutcome | undefined;
    worker.once('message', (message: HashOutcome) => {
      outcome = message;
    });
    worker.once('error', (error) => {
      stopHashJob(job);
      reject(error);
    });
    worker.once('exit', (code) => {
      if (outcome === undefined) {
        stopHashJob(job);
        reject(new Error(`a hash thread ended with ${code} and without a result`));
      } else {
        resolve(outcome);
      }
    });
  });
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
        `ends at byte ${outcome.endByte}, inside a mapped range`,
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
