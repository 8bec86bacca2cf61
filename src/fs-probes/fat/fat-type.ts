/**
 * 12, 16 or 32 bits an entry: FAT does not record it, every reader derives it. FAT32 is told by a
 * field of the boot sector. Between FAT12 and FAT16 the count of clusters decides, and readers draw
 * the line at different counts: 4084 (Microsoft's paper, Linux), 4085 or 4086 (Windows, older DOS).
 * Atari's TOS reads every hard disk with 16 bits. Where two readings are possible, both are taken.
 *
 * Sources: Linux `fs/fat/fat.h`, `MAX_FAT12`; Microsoft `fastfat`, `FatIndexBitSize`; dosfstools,
 * `src/boot.c`, on GEMDOS.
 */
import type { BootSector } from './boot-sector.ts';

export type EntryBits = 12 | 16 | 32;

const MAX_FAT12_CLUSTERS = 4084;
/** Counts at which some reader may differ from the rule, with a margin on both sides. */
const AMBIGUOUS_FROM = 4080;
const AMBIGUOUS_TO = 4100;

/** The type as Linux reads it, for the user. */
export function typeName(boot: BootSector): 'FAT12' | 'FAT16' | 'FAT32' {
  if (boot.isFat32) return 'FAT32';
  return boot.clusterCount <= MAX_FAT12_CLUSTERS ? 'FAT12' : 'FAT16';
}

/** Every width that a reader may give the entries; the first is that of `typeName`. */
export function entryReadings(boot: BootSector): readonly EntryBits[] {
  if (boot.isFat32) return [32];
  const isAmbiguous =
    (boot.clusterCount >= AMBIGUOUS_FROM && boot.clusterCount <= AMBIGUOUS_TO) ||
    !boot.hasSignature;
  if (boot.clusterCount <= MAX_FAT12_CLUSTERS) {
    const hasRoomFor16 = entryCapacity(boot, 16) >= boot.clusterCount + 2;
    return isAmbiguous && hasRoomFor16 ? [12, 16] : [12];
  }
  return isAmbiguous && boot.clusterCount <= AMBIGUOUS_TO ? [16, 12] : [16];
}

/** Clusters that have an entry in the table. What lies behind them is mapped without asking. */
export function usableClusters(boot: BootSector, bits: EntryBits): number {
  return Math.max(Math.min(boot.clusterCount, entryCapacity(boot, bits) - 2), 0);
}

function entryCapacity(boot: BootSector, bits: EntryBits): number {
  return Math.floor((boot.fatBytes * 8) / bits);
}
