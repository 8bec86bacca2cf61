/**
 * Runs another reader of filesystems in a thread of its own. What happens there stays there: handlers
 * it installs for the whole process, its memory, exceptions, an abort, an endless loop.
 */
import { Worker } from 'node:worker_threads';

import { RangeSet, RangeSetBuilder } from '../src/ranges/range-set.ts';

export interface VolumeRequest {
  readonly path: string;
  /** Where the volume starts in the file, in bytes. */
  readonly startByte: number;
  readonly lengthBytes: number;
  /** After this the reader is stopped. Default: five minutes. */
  readonly timeoutMs?: number;
}

export interface Refusal {
  readonly kind: 'refused';
  /** For the user, without a full stop. */
  readonly reason: string;
}

/** What the thread sends: pairs of start and end, in bytes of the volume. */
export type ThreadMessage = { readonly kind: 'ranges'; readonly bounds: Float64Array } | Refusal;

export type ThreadAnswer = { readonly kind: 'ranges'; readonly ranges: RangeSet } | Refusal;

const DEFAULT_TIMEOUT_MS = 5 * 60 * 1000;
/** A reader that needs more is not fit for the volume. */
const MAX_HEAP_MIB = 512;

/**
 * Asks the reader in `workerUrl` about a volume. Never rejects: every failure is a refusal.
 * @returns ranges in bytes of the volume, merged and checked to lie inside it.
 */
export function askReaderThread(workerUrl: URL, request: VolumeRequest): Promise<ThreadAnswer> {
  return new Promise((resolve) => {
    const worker = new Worker(workerUrl, {
      workerData: request,
      // What it prints is not for the user: its fate is in the answer.
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB },
    });
    const settle = (answer: ThreadAnswer): void => {
      clearTimeout(timer);
      void worker.terminate();
      resolve(answer);
    };
    const timeoutMs = request.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const timer = setTimeout(() => {
      settle({ kind: 'refused', reason: `it was not ready after ${timeoutMs} ms` });
    }, timeoutMs);
    worker.once('message', (message: ThreadMessage) => {
      settle(message.kind === 'refused' ? message : checkRanges(message.bounds, request));
    });
    worker.once('error', (error) => {
      settle({ kind: 'refused', reason: `it failed: ${describeFailure(error)}` });
    });
    worker.once('exit', (code) => {
      settle({ kind: 'refused', reason: `it ended without an answer (exit ${code})` });
    });
  });
}

/** For the threads: the ranges as they are sent. */
export function boundsOf(ranges: RangeSet): Float64Array {
  return Float64Array.from([...ranges].flatMap(({ startByte, endByte }) => [startByte, endByte]));
}

/** The first line of what a failure says. */
export function describeFailure(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n', 1)[0]!;
}

function checkRanges(bounds: Float64Array, { lengthBytes }: VolumeRequest): ThreadAnswer {
  const ranges = new RangeSetBuilder();
  for (let index = 0; index < bounds.length; index += 2) {
    const startByte = bounds[index]!;
    const endByte = bounds[index + 1] ?? NaN;
    const isInside = startByte >= 0 && startByte <= endByte && endByte <= lengthBytes;
    if (!isInside || !Number.isInteger(startByte) || !Number.isInteger(endByte)) {
      return { kind: 'refused', reason: 'it named a range outside of the volume' };
    }
    ranges.add(startByte, endByte);
  }
  return { kind: 'ranges', ranges: ranges.build() };
}
