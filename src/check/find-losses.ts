/**
 * Compares what a map leaves out with what the image needs, and says for every byte of it why. The order
 * of the questions is that of certainty: what a filesystem names as used comes before what merely is not
 * known to be free.
 */
import type { ExtentKind } from '../fs-probes/fs-probe.ts';
import { isAllZero } from '../bytes/text.ts';
import type { ImageReader } from '../image/image-reader.ts';
import type { ByteRange } from '../ranges/byte-range.ts';
import { RangeSet, RangeSetBuilder } from '../ranges/range-set.ts';
import { claimBounds, type ClaimResult } from '../scan/claim-result.ts';
import type { Survey } from '../scan/scan-image.ts';
import type { ImageVolume } from '../scan/volumes.ts';

/** The unit in which zeros are told from data. */
const ZERO_BLOCK_BYTES = 4096;
const READ_BYTES = 2 ** 20;

/** What lies in a range: an extent of a filesystem, or why nobody may leave it out. */
export type LossKind =
  | ExtentKind
  | 'partition-table'
  | 'not-understood' // a filesystem that is mapped whole: damaged, not supported, or not read
  | 'unknown' // a partition, or a whole image, in which nothing is recognised
  | 'protected' // every block is hashed, or the partition table cannot be trusted
  | 'slack' // behind the end of a filesystem, in its partition
  | 'gap'; // outside of all partitions

/** Something that the map leaves out. */
export interface Loss extends ByteRange {
  /** Where it lies: `partition 2`, or `image`. */
  readonly place: string;
  /** Whose it is, for example `ext4`; undefined if it belongs to no filesystem. */
  readonly filesystem: string | undefined;
  /** What lies there. */
  readonly kind: LossKind;
}

/** What a map leaves out, sorted by whether anybody needs it. */
export interface Losses {
  /** What the image needs and the map leaves out, ascending. */
  readonly lost: readonly Loss[];
  /**
   * Zeros in slack and gaps, which nobody is known to read. A device that is not zeroed keeps its old
   * bytes there.
   */
  readonly doubtful: readonly Loss[];
}

/**
 * @param survey the tightest there is: made with `lean`, or it calls more lost than is.
 * @param mapped what the map maps. @throws {SystemError} if the image cannot be read.
 */
export function findLosses(survey: Survey, mapped: RangeSet): Losses {
  const { reader, volumes, claims, table } = survey;
  const places = volumes.filter(({ partition }) => partition !== undefined);
  const sorter = new Sorter(mapped.complementWithin(0, reader.sizeBytes), places);

  sorter.take('partition-table', clip(table.tableRanges, reader.sizeBytes));
  for (const { claim, used } of claims) {
    for (const [kind, ranges] of used) sorter.take(kind, ranges, claim.type);
  }
  for (const result of claims) {
    if (result.whole === undefined) continue;
    sorter.take('not-understood', coverage(result), result.claim.type);
  }
  for (const volume of volumes) {
    const isUnknown = !claims.some(({ claim }) => claim.volume === volume);
    if (!isUnknown || (volume.partition === undefined && places.length > 0)) continue;
    sorter.take('unknown', RangeSet.of(volume));
  }
  sorter.take('protected', survey.kept);

  const claimed = RangeSet.of(...claims.map(({ claim }) => claimBounds(claim)));
  const partitions = RangeSet.of(...places);
  const slack = (places.length === 0 ? RangeSet.of(...volumes) : partitions).subtract(claimed);
  // A filesystem reaches into another partition's slack only if the two overlap.
  const overlapped = RangeSet.of(...claims.flatMap((result) => slackOf(result)));
  const gaps = partitions.union(claimed).complementWithin(0, reader.sizeBytes);
  const doubtful = new Sorter(RangeSet.empty, places);
  for (const [kind, ranges] of [
    ['slack', slack.union(overlapped)],
    ['gap', gaps],
  ] as const) {
    const leftOut = sorter.rest.intersect(ranges);
    const zeros = findZeros(reader, leftOut);
    sorter.take(kind, leftOut.subtract(zeros));
    sorter.forget(zeros);
    doubtful.add(kind, zeros);
  }
  return { lost: sorter.losses(), doubtful: doubtful.losses() };
}

/** Gives every byte that is left out to the first who asks for it. */
class Sorter {
  #rest: RangeSet;
  readonly #places: readonly ImageVolume[];
  readonly #losses: Loss[] = [];

  constructor(leftOut: RangeSet, places: readonly ImageVolume[]) {
    this.#rest = leftOut;
    this.#places = places;
  }

  /** What nobody has asked for yet. */
  get rest(): RangeSet {
    return this.#rest;
  }

  take(kind: LossKind, ranges: RangeSet, filesystem?: string): void {
    const lost = this.#rest.intersect(ranges);
    if (lost.isEmpty) return;
    this.forget(lost);
    this.add(kind, lost, filesystem);
  }

  forget(ranges: RangeSet): void {
    this.#rest = this.#rest.subtract(ranges);
  }

  add(kind: LossKind, ranges: RangeSet, filesystem?: string): void {
    for (const range of ranges) {
      for (const { startByte, endByte, place } of this.#splitByPlace(range)) {
        this.#losses.push({ startByte, endByte, place, filesystem, kind });
      }
    }
  }

  losses(): readonly Loss[] {
    return this.#losses.toSorted((left, right) => left.startByte - right.startByte);
  }

  /** A btrfs lies on several partitions, a journal on another; where partitions overlap, the first counts. */
  *#splitByPlace(range: ByteRange): Generator<ByteRange & { readonly place: string }> {
    let rest = RangeSet.of(range);
    for (const volume of this.#places) {
      if (!rest.intersects(volume.startByte, volume.endByte)) continue;
      const inside = rest.intersect(RangeSet.of(volume));
      for (const part of inside) yield { ...part, place: volume.name };
      rest = rest.subtract(inside);
    }
    for (const part of rest) yield { ...part, place: 'image' };
  }
}

/** What a claim speaks for: its whole partition, or on the image as a whole only the filesystem. */
function coverage({ claim }: ClaimResult): RangeSet {
  const { startByte, reader, index } = claim.volume;
  const isImage = index === 0;
  const volume = { startByte, endByte: startByte + reader.sizeBytes };
  return RangeSet.of(isImage ? claimBounds(claim) : volume);
}

/** What lies behind the filesystem in its own partition. */
function slackOf(result: ClaimResult): readonly ByteRange[] {
  return [...coverage(result).subtract(RangeSet.of(claimBounds(result.claim)))];
}

function clip(ranges: readonly ByteRange[], sizeBytes: number): RangeSet {
  const clipped = ranges.map(({ startByte, endByte }) => ({
    startByte: Math.min(startByte, sizeBytes),
    endByte: Math.min(endByte, sizeBytes),
  }));
  return RangeSet.of(...clipped);
}

/** The parts of the ranges that are zeros, in blocks counted from the start of each range. */
function findZeros(reader: ImageReader, ranges: RangeSet): RangeSet {
  const zeros = new RangeSetBuilder();
  for (const { startByte, endByte } of ranges) {
    for (let at = startByte; at < endByte; at += READ_BYTES) {
      const chunk = reader.readAt(at, Math.min(READ_BYTES, endByte - at));
      for (let offset = 0; offset < chunk.length; offset += ZERO_BLOCK_BYTES) {
        const block = chunk.subarray(offset, offset + ZERO_BLOCK_BYTES);
        if (isAllZero(block)) zeros.add(at + offset, at + offset + block.length);
      }
    }
  }
  return zeros.build();
}
