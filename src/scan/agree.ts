/**
 * The decision. Everything starts mapped; a byte is left out only if at least one claim releases it
 * and nobody else who covers it disagrees.
 */
import type { ByteRange } from '../ranges/byte-range.ts';
import { RangeSet, RangeSetBuilder } from '../ranges/range-set.ts';
import { claimBounds, type ClaimResult } from './claim-result.ts';
import { allOf } from './used-extents.ts';
import type { ImageVolume } from './volumes.ts';

/** The unit of the map. The strictest readers of bmap files know no other. */
export const MAP_BLOCK_BYTES = 4096;

/** Everything that may speak about a byte of the image. */
export interface Voices {
  readonly imageBytes: number;
  readonly volumes: readonly ImageVolume[];
  readonly claims: readonly ClaimResult[];
  /** Zero blocks of gaps that the user asked to leave out. */
  readonly releasedGaps: RangeSet;
  readonly tableRanges: readonly ByteRange[];
  /** Ranges that stay whatever anybody says: asked for, live, or protected by hashes. */
  readonly kept: RangeSet;
}

/** @returns the bytes to map, in whole blocks but for the end of the image. */
export function planMapping(voices: Voices): RangeSet {
  const released = new RangeSetBuilder();
  const refused = new RangeSetBuilder();
  for (const { released: set } of voices.claims) released.addAll(set);
  released.addAll(voices.releasedGaps);

  for (const volume of voices.volumes) {
    const claims = voices.claims.filter(({ claim }) => claim.volume === volume);
    for (const claim of claims) refused.addAll(coverage(volume, claim).subtract(claim.released));
    // A partition that nobody claims is unknown, and unknown is used. The image itself is no such
    // place: what lies outside of all claims was never released.
    if (claims.length === 0 && volume.partition !== undefined) {
      refused.add(volume.startByte, volume.endByte);
    }
  }
  for (const { used } of voices.claims) refused.addAll(allOf(used));
  for (const { startByte, endByte } of voices.tableRanges) {
    refused.add(startByte, Math.min(endByte, voices.imageBytes));
  }
  refused.addAll(voices.kept);

  return released
    .build()
    .subtract(refused.build())
    .complementWithin(0, voices.imageBytes)
    .alignOut(MAP_BLOCK_BYTES, voices.imageBytes);
}

/**
 * What a claim speaks for: in a partition also the slack behind the filesystem, which may hold
 * superblocks of RAID or hash trees. On the image as a whole only the filesystem itself, so that an
 * old filesystem in front of a partition table does not speak for all partitions.
 */
function coverage(volume: ImageVolume, { claim }: ClaimResult): RangeSet {
  const { startByte, endByte } = volume;
  return RangeSet.of(volume.partition === undefined ? claimBounds(claim) : { startByte, endByte });
}
