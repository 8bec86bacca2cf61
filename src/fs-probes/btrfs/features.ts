/**
 * Feature words and flags of the superblock. Every bit counts: a reader that skips an unknown bit may
 * miss a structure that records what is used. Names are those of btrfs-progs.
 * Source: Linux include/uapi/linux/btrfs.h, `BTRFS_FEATURE_*`, and btrfs_tree.h, `BTRFS_SUPER_FLAG_*`.
 */
import { UnsupportedError, type Place } from '../../errors/errors.ts';

/** The three feature words as they stand in the superblock. */
export interface FeatureBits {
  readonly compat: bigint;
  readonly compatRo: bigint;
  readonly incompat: bigint;
}

type FeatureTable = ReadonlyMap<bigint, string>;

/** Backrefs of the kind all kernels since 2.6.31 write; without them extents are recorded differently. */
const MIXED_BACKREF = 0x1n;
/** Extents of striped data chunks are placed by a tree of their own, inside the stripes of the chunk. */
const RAID_STRIPE_TREE = 0x4000n;
/** Nodes carry another UUID than the one that users see. */
const METADATA_UUID = 0x400n;
const FREE_SPACE_TREE = 0x1n;
const FREE_SPACE_TREE_VALID = 0x2n;
const BLOCK_GROUP_TREE = 0x8n;
/** The device was made a read-only base for others (`btrfstune -S 1`). */
const SEEDING = 1n << 32n;

const incompatFeatures: FeatureTable = new Map([
  [MIXED_BACKREF, 'mixed-backref'],
  [0x2n, 'default-subvol'],
  [0x4n, 'mixed-bg'],
  [0x8n, 'compress-lzo'],
  [0x10n, 'compress-zstd'],
  [0x20n, 'big-metadata'],
  [0x40n, 'extref'],
  [0x80n, 'raid56'],
  [0x100n, 'skinny-metadata'],
  [0x200n, 'no-holes'],
  [METADATA_UUID, 'metadata-uuid'],
  [0x800n, 'raid1c34'],
  [RAID_STRIPE_TREE, 'raid-stripe-tree'],
  [0x10000n, 'squota'],
]);

const compatRoFeatures: FeatureTable = new Map([
  [FREE_SPACE_TREE, 'free-space-tree'],
  [FREE_SPACE_TREE_VALID, 'free-space-tree-valid'],
  [0x4n, 'verity'],
  [BLOCK_GROUP_TREE, 'block-group-tree'],
]);

/** Known by name, so that the message can say why the filesystem is mapped whole. */
const refusedIncompatFeatures: FeatureTable = new Map([
  [0x1000n, 'zoned'],
  [0x2000n, 'extent-tree-v2'],
  [0x20000n, 'remap-tree'],
]);

/** WRITTEN and RELOC are flags of tree nodes that old kernels also set here. */
const acceptedFlags = 0x1n | 0x2n | SEEDING;

/** @throws {UnsupportedError} for any bit that is not accepted, and for a missing MIXED_BACKREF. */
export function refuseUnknownFeatures(features: FeatureBits, flags: bigint, place: Place): void {
  const refused = [
    ...unknownBits('incompat', features.incompat, incompatFeatures),
    ...unknownBits('compat_ro', features.compatRo, compatRoFeatures),
    ...unknownBits('compat', features.compat, new Map()),
  ];
  if (refused.length > 0) {
    throw new UnsupportedError('feature', place, `uses ${refused.join(', ')}, which is not read`);
  }
  if ((features.incompat & MIXED_BACKREF) === 0n) {
    throw new UnsupportedError(
      'feature',
      place,
      'lacks mixed-backref: extent records of before 2009',
    );
  }
  const unknownFlags = flags & ~acceptedFlags;
  if (unknownFlags !== 0n) {
    const text = `has flags 0x${unknownFlags.toString(16)}: a change that was not finished, a dump, or an error`;
    throw new UnsupportedError('superblock-flags', place, text);
  }
}

/** Names of the features in use. */
export function featureNames({ incompat, compatRo }: FeatureBits): readonly string[] {
  return [...namesOf(incompat, incompatFeatures), ...namesOf(compatRo, compatRoFeatures)];
}

export function hasMetadataUuid({ incompat }: FeatureBits): boolean {
  return (incompat & METADATA_UUID) !== 0n;
}

export function hasRaidStripeTree({ incompat }: FeatureBits): boolean {
  return (incompat & RAID_STRIPE_TREE) !== 0n;
}

/** True if a free-space tree is there and the kernel would believe it. */
export function hasValidFreeSpaceTree({ compatRo }: FeatureBits): boolean {
  const both = FREE_SPACE_TREE | FREE_SPACE_TREE_VALID;
  return (compatRo & both) === both;
}

/** True if block group items have a tree of their own instead of standing in the extent tree. */
export function hasBlockGroupTree({ compatRo }: FeatureBits): boolean {
  return (compatRo & BLOCK_GROUP_TREE) !== 0n;
}

export function isSeed(flags: bigint): boolean {
  return (flags & SEEDING) !== 0n;
}

function namesOf(bits: bigint, table: FeatureTable): string[] {
  return [...table].filter(([bit]) => (bits & bit) !== 0n).map(([, name]) => name);
}

function unknownBits(word: string, bits: bigint, known: FeatureTable): string[] {
  const result: string[] = [];
  for (let rest = bits, bit = 1n; rest !== 0n; rest >>= 1n, bit <<= 1n) {
    if ((rest & 1n) === 0n || known.has(bit)) continue;
    const name = word === 'incompat' ? refusedIncompatFeatures.get(bit) : undefined;
    result.push(name ?? `unknown ${word} bit 0x${bit.toString(16)}`);
  }
  return result;
}
