/**
 * What a boot sector calls itself. FAT has no magic number: it shares the signature 55 AA with partition
 * tables and with other formats, and the name of its type is decoration that no reader relies on.
 *
 * Sources: util-linux `libblkid/src/superblocks/vfat.c`, `exfat.c`, `ntfs.c`, `bitlocker.c`, `hpfs.c`.
 */
import { hasAscii } from '../../bytes/text.ts';

/**
 * True if the sector names another format that keeps a similar parameter block: exFAT, NTFS,
 * BitLocker, HPFS and JFS of OS/2.
 */
export function isForeignBootSector(bytes: Uint8Array): boolean {
  const oemNames = ['EXFAT   ', 'NTFS    ', '-FVE-FS-'];
  if (oemNames.some((name) => hasAscii(bytes, 3, name))) return true;
  return hasAscii(bytes, 0x36, 'HPFS    ') || hasAscii(bytes, 0x36, 'JFS     ');
}

/** True if the sector ends in 55 AA, as all do but those of Atari. */
export function hasSignature(bytes: Uint8Array): boolean {
  return bytes[0x1fe] === 0x55 && bytes[0x1ff] === 0xaa;
}

/** True if the sector calls itself FAT, the nearest thing to a magic number that there is. */
export function hasFatName(bytes: Uint8Array): boolean {
  const isFat16 = ['FAT12   ', 'FAT16   ', 'FAT     '].some((name) => hasAscii(bytes, 0x36, name));
  return isFat16 || hasAscii(bytes, 0x52, 'FAT32   ');
}

/**
 * True if the sector also holds a partition table with a partition behind it. Tools that write one
 * leave the rest of the sector alone, so the FAT may be one of an earlier life. (`mkfs.fat --mbr`
 * writes a partition that starts at sector 0.)
 */
export function hasPartitionTable(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries = [0x1be, 0x1ce, 0x1de, 0x1ee];
  if (entries.some((at) => (view.getUint8(at) & 0x7f) !== 0)) return false;
  return entries.some(
    (at) =>
      view.getUint8(at + 4) !== 0 &&
      view.getUint32(at + 8, true) !== 0 &&
      view.getUint32(at + 12, true) !== 0,
  );
}
