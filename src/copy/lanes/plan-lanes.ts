/** Decides whether a copy goes in lanes, and lays out their work. */
import { availableParallelism } from 'node:os';

import { longestShare, shareRanges, type SharedRanges } from '../../bmap/shared-ranges.ts';
import type { CopyPlan } from '../copy-plan.ts';
import { movePart } from '../part-io/part-job.ts';
import { assertRead, type OpenImage } from '../read-places.ts';
import type { LaneJob } from './lane-job.ts';

/** Below this, starting threads costs more than they gain. */
const MIN_BYTES = 64 * 2 ** 20;
/** A range that is longer, as a share of all, keeps its lane busy when the others are done. */
const MAX_LONGEST_SHARE = 0.5;

/** What is read to find out where an image lies. A disk that has to move its heads takes longer. */
const SAMPLES = 8;
const SAMPLE_BYTES = 4096;
const SEEK_MS = 2;

/**
 * The work of the lanes; undefined where one thread that goes through the image in order is faster.
 * @throws {SystemError} if the source cannot be read.
 */
export function planLanes(source: OpenImage, plan: CopyPlan): LaneJob | undefined {
  if ((plan.mappedBytes ?? 0) < MIN_BYTES || availableParallelism() === 1) return undefined;
  const job = layOutLanes(source, plan);
  if (job === undefined || longestShare(job.ranges) > MAX_LONGEST_SHARE) return undefined;
  return isQuickToReach(source, job.ranges) ? job : undefined;
}

/** Undefined if some ranges have a checksum and some have none. */
export function layOutLanes(source: OpenImage, plan: CopyPlan): LaneJob | undefined {
  const { ranges, digest, blockSizeBytes } = plan;
  const checksums = ranges.flatMap(({ checksum }) => checksum ?? []);
  if (checksums.length > 0 && checksums.length < ranges.length) return undefined;
  return {
    source,
    ranges: shareRanges(ranges.flatMap(({ startByte, endByte }) => [startByte, endByte])),
    gate: { digest, blockSizeBytes, sourceName: source.name },
    checksums: checksums.length === 0 ? undefined : shareDigests(checksums),
  };
}

function shareDigests(checksums: readonly string[]): Uint8Array {
  const digests = Buffer.from(checksums.join(''), 'hex');
  const shared = new Uint8Array(new SharedArrayBuffer(digests.length));
  shared.set(digests);
  return shared;
}

/** The longest ranges are copied first, side by side: there a disk would have to go to and fro. */
function isQuickToReach(source: OpenImage, { order, bounds }: SharedRanges): boolean {
  return [...order.subarray(0, SAMPLES)].every((index) => {
    const startByte = bounds[index * 2]!;
    const sample = new Uint8Array(Math.min(SAMPLE_BYTES, bounds[index * 2 + 1]! - startByte));
    const startedMs = performance.now();
    assertRead(source, movePart(false, source.fileDescriptor, sample, startByte));
    return performance.now() - startedMs < SEEK_MS;
  });
}
