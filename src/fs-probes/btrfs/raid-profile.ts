/**
 * How a chunk is spread over devices. Source: Linux fs/btrfs/volumes.c (`btrfs_raid_array`) and
 * fs/btrfs/tree-checker.c (`btrfs_check_chunk_valid`), which refuses other numbers of stripes.
 */

/** Unit in which striped profiles go round: fixed, although the chunk item has a field for it. */
export const STRIPE_BYTES = 65536;

export interface RaidProfile {
  /** As `mkfs.btrfs` spells it. */
  readonly name: string;
  /** The bit in the chunk's type; none for `single`. */
  readonly typeBit: number;
  /**
   * `copies`: each stripe holds everything. `striped`: 64 KiB strips go round, each on `subStripes`
   * devices. `parity`: as striped, with one or two strips of parity in each row.
   */
  readonly spread: 'copies' | 'striped' | 'parity';
  readonly leastStripes: number;
  readonly mostStripes: number;
  /** Stripes that hold the same strip, in striped profiles. */
  readonly subStripes: number;
  readonly parityStripes: number;
}

const copies = (name: string, typeBit: number, count: number): RaidProfile => ({
  name,
  typeBit,
  spread: 'copies',
  leastStripes: count,
  mostStripes: count,
  subStripes: 1,
  parityStripes: 0,
});

/** A chunk item that fills the largest node, 64 KiB, has fewer. */
const ANY_COUNT = 2048;

const profiles: readonly RaidProfile[] = [
  copies('single', 0, 1),
  copies('dup', 0x20, 2),
  copies('raid1', 0x10, 2),
  copies('raid1c3', 0x200, 3),
  copies('raid1c4', 0x400, 4),
  striped('raid0', 0x08, 'striped', 1, 1, 0),
  striped('raid10', 0x40, 'striped', 2, 2, 0),
  striped('raid5', 0x80, 'parity', 2, 1, 1),
  striped('raid6', 0x100, 'parity', 3, 1, 2),
];

/** All bits of a chunk's type that name a profile. */
export const PROFILE_MASK = profiles.reduce((mask, { typeBit }) => mask | typeBit, 0);

/** The profile of a chunk type; undefined if its bits name none, or more than one. */
export function profileOf(type: number): RaidProfile | undefined {
  return profiles.find(({ typeBit }) => (type & PROFILE_MASK) === typeBit);
}

function striped(
  name: string,
  typeBit: number,
  spread: 'striped' | 'parity',
  leastStripes: number,
  subStripes: number,
  parityStripes: number,
): RaidProfile {
  return {
    name,
    typeBit,
    spread,
    leastStripes,
    mostStripes: ANY_COUNT,
    subStripes,
    parityStripes,
  };
}
