/**
 * What can be compared in a filesystem without checksums, before a position is believed: the first
 * table entry repeats the media byte, the second tells how the volume was left, and FAT32 keeps a
 * copy of the boot sector.
 *
 * Source: Microsoft, "FAT: General Overview of On-Disk Format" 1.03, "FAT Data Structure".
 */
import { CorruptError } from '../../errors/errors.ts';
import type { ImageReader } from '../../image/image-reader.ts';
import { BOOT_SECTOR_BYTES, geometryOf, parseBootSector, type BootSector } from './boot-sector.ts';
import { hasSignature } from './boot-signature.ts';
import { allOnes, nextCluster, readEntry, type FatTable } from './fat-table.ts';

/** True if entry 0 of the table is the media byte with all other bits set, as every formatter writes it. */
export function hasMediaEntry(reader: ImageReader, boot: BootSector, table: FatTable): boolean {
  const ones = allOnes(table.bits);
  const expected = ones - 0xff + boot.media;
  return nextCluster(table.bits, readEntry(reader, table, 0)) === expected;
}

/**
 * @param isConfirmed the backup of the boot sector agrees, so that a copy of the table without its
 *   media entry is a damaged copy and not a sign of wrong positions.
 * @throws {CorruptError} kind `media-entry` if the positions of the tables are in doubt.
 */
export function checkMediaEntries(
  reader: ImageReader,
  boot: BootSector,
  copies: readonly FatTable[],
  isConfirmed: boolean,
): void {
  const wrong = copies.filter((copy) => !hasMediaEntry(reader, boot, copy));
  if (wrong.length === 0 || (isConfirmed && wrong.length < copies.length)) return;
  throw new CorruptError(
    'media-entry',
    { structure: 'file allocation table', startByte: wrong[0]!.startByte },
    `the first entry does not repeat the media byte 0x${boot.media.toString(16)}, so the table is damaged or lies elsewhere`,
  );
}

/**
 * Compares the boot sector with its backup.
 * @returns true if there is a backup that describes the same places; false if there is none.
 * @throws {CorruptError} kind `backup-differs` if it describes others: one of the two is wrong.
 */
export function isConfirmedByBackup(reader: ImageReader, boot: BootSector): boolean {
  if (boot.backupStartByte === undefined) return false;
  const backup = reader.readAt(boot.backupStartByte, BOOT_SECTOR_BYTES);
  if (!hasSignature(backup)) return false;
  const found = geometryOf(parseBootSector(backup));
  if (found === geometryOf(boot)) return true;
  throw new CorruptError(
    'backup-differs',
    { structure: 'FAT boot sector', startByte: boot.backupStartByte },
    `the backup of the boot sector describes another layout (${found}) than the first sector (${geometryOf(boot)})`,
  );
}

/**
 * True if entry 1 says that the volume was not unmounted (topmost bit clear) or that the medium had
 * errors (next bit clear). FAT12 has no room for these marks.
 */
export function isMarkedUnclean(reader: ImageReader, table: FatTable): boolean {
  if (table.bits === 12) return false;
  const cleanMarks = table.bits === 16 ? 0xc000 : 0x0c00_0000;
  return (nextCluster(table.bits, readEntry(reader, table, 1)) & cleanMarks) !== cleanMarks;
}
