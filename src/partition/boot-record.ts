/**
 * The 512 bytes that MBR and EBR share: boot code, four partition entries, the signature 55 AA. Only
 * the entries are read; CHS addresses and the disk signature are ignored. There is no checksum, and
 * the boot sectors of FAT, NTFS and exFAT carry the same signature above boot code or zeros, so what
 * is parsed here is a suspicion until somebody has judged it.
 *
 * Source: UEFI 2.10, section 5.2; Linux `block/partitions/msdos.c`.
 */
import { decode, layout, u16le, u32le, u8 } from '../bytes/layout.ts';
import type { Partition } from './partition-table.ts';
import { formatMbrType, mbrTypeName } from './partition-types.ts';

/** Boot records have this size in sectors of any size. */
export const BOOT_RECORD_BYTES = 512;

export const bootRecordLayout = layout('boot record', BOOT_RECORD_BYTES, {
  jump: u8(0), // 0xeb or 0xe9 if a BIOS parameter block follows
  bytesPerSector: u16le(11), // in a BIOS parameter block
  signature: u16le(510), // 0xaa55
});

export const mbrEntryLayout = layout('MBR partition entry', 16, {
  status: u8(0), // 0x80: active
  type: u8(4),
  startLba: u32le(8),
  sectorCount: u32le(12),
});

const ENTRIES_START_BYTE = 446;
const ENTRY_COUNT = 4;

/** The whole disk belongs to a GPT. */
export const PROTECTIVE_TYPE = 0xee;
/** Partitions that only hold logical ones: CHS, LBA, and Linux' own. */
const EXTENDED_TYPES: readonly number[] = [0x05, 0x0f, 0x85];

export interface MbrEntry {
  /** 1 to 4. */
  readonly slot: number;
  readonly type: number;
  readonly startLba: number;
  /** 0 in an unused entry, whatever its type. */
  readonly sectorCount: number;
}

export interface BootRecord {
  /** All four, unused ones too. */
  readonly entries: readonly MbrEntry[];
  /** True if every status byte is 0x00 or 0x80. Linux takes anything else for a boot sector. */
  readonly hasValidStatus: boolean;
  /** True if it could be the first sector of a FAT or NTFS filesystem. */
  readonly hasParameterBlock: boolean;
}

/** Position of an entry in its boot record. @param slot 1 to 4. */
export function entryStartByte(slot: number): number {
  return ENTRIES_START_BYTE + (slot - 1) * mbrEntryLayout.lengthBytes;
}

/** Parses the first 512 bytes of a sector; undefined without the signature. */
export function parseBootRecord(bytes: Uint8Array): BootRecord | undefined {
  const { jump, bytesPerSector, signature } = decode(bootRecordLayout, bytes);
  if (signature !== 0xaa55) return undefined;
  const hasParameterBlock =
    (jump === 0xeb || jump === 0xe9) && [512, 1024, 2048, 4096].includes(bytesPerSector);
  const entries: MbrEntry[] = [];
  let hasValidStatus = true;
  for (let slot = 1; slot <= ENTRY_COUNT; slot++) {
    const { status, ...entry } = decode(mbrEntryLayout, bytes, entryStartByte(slot));
    if (status !== 0x00 && status !== 0x80) hasValidStatus = false;
    entries.push({ slot, ...entry });
  }
  return { entries, hasValidStatus, hasParameterBlock };
}

/** The entries that claim something. */
export function usedEntries(record: BootRecord): readonly MbrEntry[] {
  return record.entries.filter(({ sectorCount }) => sectorCount > 0);
}

export function isExtended(entry: MbrEntry): boolean {
  return EXTENDED_TYPES.includes(entry.type);
}

/** @param baseByte what the entry's LBA counts from: 0 in the MBR. */
export function toPartition(
  entry: MbrEntry,
  place: { scheme: 'mbr' | 'logical'; number: number; baseByte: number; sectorBytes: number },
): Partition {
  // At most 2^33 sectors of 4096 bytes behind a base of less than 2^53: exact, or far past any image.
  const startByte = place.baseByte + entry.startLba * place.sectorBytes;
  return {
    number: place.number,
    scheme: place.scheme,
    type: formatMbrType(entry.type),
    typeName: mbrTypeName(entry.type),
    name: '',
    startByte,
    endByte: startByte + entry.sectorCount * place.sectorBytes,
    isContainer: place.scheme === 'mbr' && isExtended(entry),
  };
}
