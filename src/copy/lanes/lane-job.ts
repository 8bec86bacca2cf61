/**
 * Copying whole ranges from file to file, each from its first read to its last write in one thread: a
 * lane. Nothing is handed from thread to thread, and hashing uses all cores. It takes a target that may
 * be written in any order.
 */
import { MismatchError } from '../../errors/errors.ts';
import {
  isWorkStopped,
  noteBytesDone,
  stopWork,
  takeRange,
  type SharedRanges,
} from '../../bmap/shared-ranges.ts';
import { BufferPool } from '../buffer-pool.ts';
import { ChecksumGate, type GateFacts } from '../checksum-gate.ts';
import type { PlannedRange } from '../copy-plan.ts';
import { movePart, type PartOutcome } from '../part-io/part-job.ts';
import type { Piece } from '../piece.ts';
import type { OpenImage } from '../read-places.ts';

export interface LaneJob {
  readonly ranges: SharedRanges;
  readonly source: OpenImage;
  readonly gate: GateFacts;
  /** The digests of the ranges, one after the other; undefined to compare none. */
  readonly checksums: Uint8Array | undefined;
}

export type LaneOutcome =
  | { readonly kind: 'finished' }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'mismatch'; readonly message: string }
  | { readonly kind: 'unread'; readonly outcome: PartOutcome }
  | { readonly kind: 'unwritten'; readonly outcome: PartOutcome };

/** What the thread of a lane sends. */
export type LaneMessage = LaneOutcome | { readonly kind: 'target-wanted' };

/** The gate withholds up to 9 of them. */
const BUFFERS = 10;
/** Large enough that a call costs nothing, small enough to stay in a core's own cache. */
const BUFFER_BYTES = 2 ** 20;

/**
 * Copies ranges until none is left, or until one lane has failed or was stopped. `openTarget` is called
 * once, before the first write, and gives the descriptor; undefined if there is none.
 */
export async function runLane(
  job: LaneJob,
  openTarget: () => Promise<number | undefined>,
): Promise<LaneOutcome> {
  const lane = new Lane(job, openTarget);
  for (let index = takeRange(job.ranges); index !== undefined; index = takeRange(job.ranges)) {
    const outcome = await lane.copyRange(index);
    if (outcome.kind === 'finished') continue;
    stopWork(job.ranges);
    return outcome;
  }
  return { kind: 'finished' };
}

class Lane {
  readonly #job: LaneJob;
  readonly #openTarget: () => Promise<number | undefined>;
  readonly #gate: ChecksumGate;
  readonly #pool = new BufferPool(BUFFERS, BUFFER_BYTES);
  #targetDescriptor: number | undefined;

  constructor(job: LaneJob, openTarget: () => Promise<number | undefined>) {
    this.#job = job;
    this.#openTarget = openTarget;
    this.#gate = new ChecksumGate(job.gate);
  }

  async copyRange(index: number): Promise<LaneOutcome> {
    const range = this.#rangeAt(index);
    let { startByte } = range;
    while (startByte < range.endByte) {
      if (isWorkStopped(this.#job.ranges)) return { kind: 'stopped' };
      const buffer = await this.#pool.take();
      const lengthBytes = Math.min(BUFFER_BYTES, range.endByte - startByte);
      const bytes = buffer.bytes.subarray(0, lengthBytes);
      const outcome = movePart(false, this.#job.source.fileDescriptor, bytes, startByte);
      if (outcome.kind !== 'done') return { kind: 'unread', outcome };
      const isLastOfRange = startByte + lengthBytes === range.endByte;
      const stopped = await this.#pass({ range, startByte, bytes, buffer, isLastOfRange });
      if (stopped !== undefined) return stopped;
      startByte += lengthBytes;
    }
    return { kind: 'finished' };
  }

  /** Writes what may be written now. @returns why it was not; undefined if it was. */
  async #pass(piece: Piece): Promise<LaneOutcome | undefined> {
    let passed: readonly Piece[];
    try {
      passed = this.#gate.pass(piece);
    } catch (error) {
      if (error instanceof MismatchError) return { kind: 'mismatch', message: error.message };
      throw error;
    }
    for (const { bytes, startByte, buffer } of passed) {
      this.#targetDescriptor ??= await this.#openTarget();
      if (this.#targetDescriptor === undefined) return { kind: 'stopped' };
      const outcome = movePart(true, this.#targetDescriptor, bytes, startByte);
      if (outcome.kind !== 'done') return { kind: 'unwritten', outcome };
      noteBytesDone(this.#job.ranges, bytes.length);
      this.#pool.give(buffer);
    }
    return undefined;
  }

  #rangeAt(index: number): PlannedRange {
    const { ranges, checksums } = this.#job;
    const startByte = ranges.bounds[index * 2]!;
    const endByte = ranges.bounds[index * 2 + 1]!;
    if (checksums === undefined) return { startByte, endByte };
    const lengthBytes = checksums.length / ranges.order.length;
    const digest = checksums.subarray(index * lengthBytes, (index + 1) * lengthBytes);
    return { startByte, endByte, checksum: Buffer.from(digest).toString('hex') };
  }
}
