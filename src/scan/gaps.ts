/**
 * Space that no partition covers. It may hold boot loaders, their environment or raw kernels, so it is
 * mapped, zeros included. Only where the user asks are zero blocks left out, and only inside gaps too
 * large to be there for a boot loader's sake.
 */
import { isAllZero } from '../bytes/text.ts';
import type { ImageReader } from '../image/image-reader.ts';
import { alignDown, alignUp, type ByteRange } from '../ranges/byte-range.ts';
import { RangeSet, RangeSetBuilder } from '../ranges/range-set.ts';
import { MAP_BLOCK_BYTES } from './agree.ts';
import type { ImageVolume } from './volumes.ts';

const MIB = 1024 * 1024;
/** Gaps up to this size are never looked into. */
export const MIN_GAP_BYTES = 64 * MIB;
/** Boot ROMs of the common boards look for loaders up to 12 MiB into the disk. */
const BOOT_AREA_BYTES = 16 * MIB;
/** Both ends of a gap stay: alignment slack, RAID superblocks, stray backup tables. */
const GAP_MARGIN_BYTES = MIB;
const READ_BYTES = MIB;

/** The gaps above `MIN_GAP_BYTES`. Without partitions there are none: all would be one gap. */
export function findLargeGaps(imageBytes: number, volumes: readonly ImageVolume[]): RangeSet {
  const partitions = volumes.filter(({ partition }) => partition !== undefined);
  if (partitions.length === 0) return RangeSet.empty;
  const gaps = RangeSet.of(...partitions).complementWithin(0, imageBytes);
  return RangeSet.of(...[...gaps].filter((gap) => gap.endByte - gap.startByte > MIN_GAP_BYTES));
}

/** The zero blocks of large gaps that may be left out. Reads the gaps whole. */
export function findZeroBlocks(reader: ImageReader, gaps: RangeSet): RangeSet {
  const zeros = new RangeSetBuilder();
  for (const gap of gaps) {
    const inner = innerBlocks(gap);
    for (let at = inner.startByte; at < inner.endByte; at += READ_BYTES) {
      const chunk = reader.readAt(at, Math.min(READ_BYTES, inner.endByte - at));
      for (let block = 0; block < chunk.length; block += MAP_BLOCK_BYTES) {
        if (!isAllZero(chunk.subarray(block, block + MAP_BLOCK_BYTES))) continue;
        zeros.add(at + block, at + block + MAP_BLOCK_BYTES);
      }
    }
  }
  return zeros.build();
}

/** The whole blocks of a gap without its margins and the boot area. */
function innerBlocks(gap: ByteRange): ByteRange {
  const first = Math.max(gap.startByte + GAP_MARGIN_BYTES, BOOT_AREA_BYTES);
  return {
    startByte: alignUp(first, MAP_BLOCK_BYTES),
    endByte: alignDown(gap.endByte - GAP_MARGIN_BYTES, MAP_BLOCK_BYTES),
  };
}
