/** Decides where holes go and where zeros, and what that will free. Nothing is done here. */
import { readDataRanges, type HoleCalls, type OpenFile } from '../bmap/hole-map.ts';
import { SystemError } from '../errors/errors.ts';
import { alignUp } from '../ranges/byte-range.ts';
import { RangeSet, RangeSetBuilder } from '../ranges/range-set.ts';

/** What filesystems allocate at least, but for some that do not tell. */
const COMMON_BLOCK_BYTES = 4096;

export interface SparsePlan {
  /** Where to punch, in whole blocks of the host's filesystem; the last may reach past the file. */
  readonly holes: RangeSet;
  /** How much of that is allocated now. */
  readonly freedBytes: number;
}

export interface PlanOptions extends OpenFile {
  readonly sizeBytes: number;
  /** What may go. */
  readonly unused: RangeSet;
  readonly hostBlockBytes: number | undefined;
  readonly calls: HoleCalls;
}

/**
 * Whole runs are punched, holes in them included, if there is anything to free in them.
 * @throws {SystemError} with the errno name.
 */
export function planHoles(options: PlanOptions): SparsePlan {
  const { sizeBytes, unused } = options;
  const blockBytes = options.hostBlockBytes ?? COMMON_BLOCK_BYTES;
  const allocated = readAllocated(options);
  const aligned = unused
    .complementWithin(0, sizeBytes)
    .alignOut(blockBytes, sizeBytes)
    .complementWithin(0, sizeBytes);
  const holes = new RangeSetBuilder();
  for (const { startByte, endByte } of aligned) {
    if (!allocated.intersects(startByte, endByte)) continue;
    // Behind the end of the file is nothing to lose, and a part of a block would not be freed.
    holes.add(startByte, endByte === sizeBytes ? alignUp(endByte, blockBytes) : endByte);
  }
  return { holes: holes.build(), freedBytes: aligned.intersect(allocated).lengthBytes };
}

/** What tools that go by holes would see as data: space that was never written is none. */
export function readWritten(file: OpenFile, sizeBytes: number, calls: HoleCalls): RangeSet {
  return readDataRanges(file, sizeBytes, { ...calls, readExtents: () => undefined });
}

/** Where nobody tells about holes, everything may be allocated. */
function readAllocated({ sizeBytes, calls, ...file }: PlanOptions): RangeSet {
  try {
    return readDataRanges(file, sizeBytes, calls);
  } catch (error) {
    if (!(error instanceof SystemError && error.kind === 'no-hole-information')) throw error;
    return RangeSet.of({ startByte: 0, endByte: sizeBytes });
  }
}
