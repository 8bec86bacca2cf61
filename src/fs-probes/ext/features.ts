/**
 * The three feature words of an ext2/3/4 superblock. A bit that is not in these tables releases
 * nothing, whichever word it is in: bigalloc is a "read-only compatible" bit and changes what a
 * bitmap bit means, fast_commit is a "compatible" bit and changes recovery.
 *
 * Linux: fs/ext4/ext4.h, `EXT4_FEATURE_*`. Names as e2fsprogs prints them (lib/e2p/feature.c).
 */
import { UnsupportedError, type Place } from '../../errors/errors.ts';

const COMPAT = {
  dir_prealloc: 0x1,
  imagic_inodes: 0x2,
  has_journal: 0x4,
  ext_attr: 0x8,
  resize_inode: 0x10,
  dir_index: 0x20,
  sparse_super2: 0x200,
  fast_commit: 0x400,
  stable_inodes: 0x800,
  orphan_file: 0x1000,
} as const;

const INCOMPAT = {
  filetype: 0x2,
  needs_recovery: 0x4,
  meta_bg: 0x10,
  extent: 0x40,
  '64bit': 0x80,
  mmp: 0x100,
  flex_bg: 0x200,
  ea_inode: 0x400,
  metadata_csum_seed: 0x2000,
  large_dir: 0x4000,
  inline_data: 0x8000,
  encrypt: 0x10000,
  casefold: 0x20000,
} as const;

const RO_COMPAT = {
  sparse_super: 0x1,
  large_file: 0x2,
  btree_dir: 0x4,
  huge_file: 0x8,
  uninit_bg: 0x10,
  dir_nlink: 0x20,
  extra_isize: 0x40,
  quota: 0x100,
  bigalloc: 0x200,
  metadata_csum: 0x400,
  'read-only': 0x1000,
  project: 0x2000,
  shared_blocks: 0x4000,
  verity: 0x8000,
  orphan_present: 0x10000,
} as const;

export type FeatureName = keyof typeof COMPAT | keyof typeof INCOMPAT | keyof typeof RO_COMPAT;

/** The raw words `s_feature_compat`, `s_feature_incompat` and `s_feature_ro_compat`. */
export interface FeatureWords {
  readonly compat: number;
  readonly incompat: number;
  readonly roCompat: number;
}

/** Bits with a name, but with a meaning for allocation or layout that is not implemented here. */
const UNSUPPORTED_NAMES: Readonly<Record<string, string>> = {
  C6: 'lazy_bg',
  C8: 'snapshot_bitmap',
  I0: 'compression',
  I3: 'journal_dev',
  I12: 'dirdata',
  R7: 'has_snapshot',
  R11: 'replica',
};

/**
 * The names of all bits that are set, in the order in which dumpe2fs prints them.
 * @throws {UnsupportedError} kind `unknown-feature`, naming every bit that is not understood.
 */
export function readFeatures(words: FeatureWords, place: Place): ReadonlySet<FeatureName> {
  const names = new Set<FeatureName>();
  const unknown = [
    ...splitWord(words.compat, COMPAT, 'C', names),
    ...splitWord(words.incompat, INCOMPAT, 'I', names),
    ...splitWord(words.roCompat, RO_COMPAT, 'R', names),
  ];
  if (unknown.length > 0) {
    throw new UnsupportedError(
      'unknown-feature',
      place,
      `uses ${unknown.join(', ')}, which this version does not understand`,
    );
  }
  return names;
}

/** Adds the known names of one word to `names` and returns what the unknown bits are called. */
function splitWord(
  word: number,
  known: Readonly<Record<string, number>>,
  letter: 'C' | 'I' | 'R',
  names: Set<FeatureName>,
): string[] {
  let rest = word;
  for (const [name, bit] of Object.entries(known)) {
    if ((word & bit) === 0) continue;
    names.add(name as FeatureName);
    rest &= ~bit;
  }
  return Array.from({ length: 32 }, (_, bit) => bit)
    .filter((bit) => ((rest >>> bit) & 1) === 1)
    .map((bit) => UNSUPPORTED_NAMES[`${letter}${bit}`] ?? `FEATURE_${letter}${bit}`);
}

/** What ext2 and ext3 drivers of old know; a filesystem with any other bit is called ext4. */
const EXT3_INCOMPAT = INCOMPAT.filetype | INCOMPAT.meta_bg;
const EXT3_RO_COMPAT = RO_COMPAT.sparse_super | RO_COMPAT.large_file | RO_COMPAT.btree_dir;

/** `ext2`, `ext3` or `ext4`, by the rule of libblkid (superblocks/ext.c). */
export function extVersion(words: FeatureWords): 'ext2' | 'ext3' | 'ext4' {
  const hasJournal = (words.compat & COMPAT.has_journal) !== 0;
  const oldIncompat = hasJournal ? EXT3_INCOMPAT | INCOMPAT.needs_recovery : EXT3_INCOMPAT;
  if ((words.incompat & ~oldIncompat) !== 0 || (words.roCompat & ~EXT3_RO_COMPAT) !== 0) {
    return 'ext4';
  }
  return hasJournal ? 'ext3' : 'ext2';
}

/** True for an external journal: a device that holds a log and no files. */
export function isJournalDevice(words: FeatureWords): boolean {
  return (words.incompat & 0x8) !== 0;
}
