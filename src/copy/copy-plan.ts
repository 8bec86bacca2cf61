/** What of an image is to be copied, decided before a target is touched. */
import type { Bmap } from '../bmap/bmap.ts';
import { toByteRange } from '../bmap/bmap.ts';
import { findDigest } from '../bmap/digest.ts';
import { formatHumanSize } from '../bmap/human-size.ts';
import { MismatchError } from '../errors/errors.ts';
import type { ByteRange } from '../ranges/byte-range.ts';
import { RangeSet, RangeSetBuilder } from '../ranges/range-set.ts';
import type { WantedRanges } from './source/wanted-bytes.ts';

export interface PlannedRange extends ByteRange {
  /** Lower-case hex digest that its bytes are compared with. */
  readonly checksum?: string;
}

export interface CopyPlan {
  /** Undefined if only the end of the source will tell. */
  readonly imageSizeBytes: number | undefined;
  /** The unit in which messages count. */
  readonly blockSizeBytes: number;
  /** Ascending and disjoint. The end of the last one is infinite where the image's size is not known. */
  readonly ranges: readonly PlannedRange[];
  /** Undefined as `imageSizeBytes`. */
  readonly mappedBytes: number | undefined;
  /** Node's name of the digest of all checksums. */
  readonly digest: string | undefined;
  readonly names: PlanNames;
}

/** For messages. */
export interface PlanNames {
  readonly map: string | undefined;
  readonly target: string;
}

/** The source of a plan: what is known of its size. */
export interface SourceSize {
  readonly sizeBytes: number | undefined;
  /** A device may be larger than the image that was once written to it. */
  readonly mayBeLarger: boolean;
}

/** Messages count blocks of this size where there is no map. */
const PLAIN_BLOCK_BYTES = 4096;

/**
 * The mapped ranges of a map, with their checksums if these are to be compared.
 * @throws {MismatchError} kind `image-size` if the source is not its image.
 */
export function planMappedCopy(
  bmap: Bmap,
  source: SourceSize,
  names: PlanNames,
  verify: boolean,
): CopyPlan {
  const { imageSizeBytes, blockSizeBytes, checksumType } = bmap;
  const { sizeBytes, mayBeLarger } = source;
  const fits = sizeBytes === imageSizeBytes || (mayBeLarger && sizeBytes! > imageSizeBytes);
  if (sizeBytes !== undefined && !fits) {
    const human = formatHumanSize(sizeBytes);
    throw new MismatchError(
      'image-size',
      `cannot set image size to ${imageSizeBytes} bytes, it is known to be ${sizeBytes} bytes (${human}); the bmap belongs to another image, or the image was cut`,
    );
  }
  const ranges = bmap.ranges.map((range) => ({
    ...toByteRange(bmap, range),
    ...(verify && range.checksum !== undefined && { checksum: range.checksum }),
  }));
  return {
    imageSizeBytes,
    blockSizeBytes,
    ranges,
    mappedBytes: ranges.reduce((sum, { startByte, endByte }) => sum + endByte - startByte, 0),
    digest: checksumType === undefined ? undefined : findDigest(checksumType),
    names,
  };
}

/** All of the source. */
export function planPlainCopy({ sizeBytes }: SourceSize, names: PlanNames): CopyPlan {
  const isEmpty = sizeBytes === 0;
  return {
    imageSizeBytes: sizeBytes,
    blockSizeBytes: PLAIN_BLOCK_BYTES,
    ranges: isEmpty ? [] : [{ startByte: 0, endByte: sizeBytes ?? Infinity }],
    mappedBytes: sizeBytes,
    digest: undefined,
    names,
  };
}

/** The bytes of the image that are copied; undefined for all of an image whose size is not known. */
export function listMapped({ ranges, imageSizeBytes }: CopyPlan): RangeSet | undefined {
  if (imageSizeBytes === undefined) return undefined;
  // Of a map there may be more ranges than a call can have arguments.
  const mapped = new RangeSetBuilder();
  for (const { startByte, endByte } of ranges) mapped.add(startByte, endByte);
  return mapped.build();
}

/** What is read of the image, for its source; undefined as `listMapped`. */
export function listWanted(plan: CopyPlan): WantedRanges | undefined {
  const ranges = listMapped(plan);
  if (ranges === undefined) return undefined;
  const haveChecksums = plan.ranges.every(({ checksum }) => checksum !== undefined);
  return { ranges, areVerified: plan.digest !== undefined && haveChecksums };
}

/** The bytes of the image that are not copied; none if its size is not known. */
export function listUnmapped(plan: CopyPlan): RangeSet {
  return listMapped(plan)?.complementWithin(0, plan.imageSizeBytes!) ?? RangeSet.empty;
}

/** Ranges shorter than this, on average, are scattered. */
const SCATTERED_BYTES = 2 ** 20;

/** Whether the plan is of very many small ranges, rather than of some large ones. */
export function isScattered({ ranges, mappedBytes }: CopyPlan): boolean {
  return mappedBytes !== undefined && mappedBytes < ranges.length * SCATTERED_BYTES;
}

/** How many blocks of the plan lie wholly before `byte`; the last block of the image may be short. */
export function countBlocksBefore(plan: CopyPlan, byte: number): number {
  const { blockSizeBytes, imageSizeBytes } = plan;
  return plan.ranges.reduce((sum, { startByte, endByte }) => {
    const end = Math.min(endByte, byte);
    if (end <= startByte) return sum;
    const isWhole = end === imageSizeBytes;
    const blocks = (end - startByte) / blockSizeBytes;
    return sum + (isWhole ? Math.ceil(blocks) : Math.floor(blocks));
  }, 0);
}
