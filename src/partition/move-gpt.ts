/**
 * The backup GPT belongs into the last sectors of the disk. An image that was written to a larger disk
 * has it in the middle, and firmware and tools complain; this says what to write to put it right.
 *
 * Source: UEFI 2.10, section 5.3.2; for the protective entry 5.2.3. A hybrid MBR is left alone.
 */
import { decode, encodeInto, layout, u64le, u32le, u8 } from '../bytes/layout.ts';
import { CorruptError, MismatchError } from '../errors/errors.ts';
import type { ImageReader } from '../image/image-reader.ts';
import { alignUp } from '../ranges/byte-range.ts';
import { readGptEntries } from './gpt-entries.ts';
import {
  checksumGptHeader,
  gptHeaderLayout,
  hasGptSignature,
  lastLba,
  readGptHeader,
  type GptHeader,
} from './gpt-header.ts';

const gptLimitLayout = layout('GPT header', 92, {
  HeaderSize: u32le(12),
  LastUsableLBA: u64le(48),
});

const MBR_ENTRIES_BYTE = 446;
const mbrEntryLayout = layout('MBR partition entry', 16, {
  OSType: u8(4),
  StartingLBA: u32le(8),
  SizeInLBA: u32le(12),
});
const PROTECTIVE_TYPE = 0xee;

export interface SectorWrite {
  readonly startByte: number;
  readonly bytes: Uint8Array;
}

export interface GptMove {
  /** In the order in which the disk has a valid table after each of them. */
  readonly writes: readonly SectorWrite[];
  /** Where the backup header was, according to the primary one. */
  readonly formerLba: number;
}

/** The room a backup takes at the end of a disk, with the usual 128 entries. */
export function usualBackupBytes(sectorBytes: number): number {
  return alignUp(128 * 128, sectorBytes) + sectorBytes;
}

/**
 * What to write so that the backup lies at the end of the disk and the primary names it.
 * @returns undefined if the disk has no GPT, or its backup is in place.
 * @throws {CorruptError} if the primary GPT is damaged: nothing is derived from such a one.
 * @throws {MismatchError} kind `gpt-does-not-fit` if a partition reaches behind the disk's usable end.
 */
export function planGptMove(disk: ImageReader, sectorBytes: number): GptMove | undefined {
  if (!hasGptSignature(disk, sectorBytes)) return undefined;
  const header = readGptHeader(disk, 1, sectorBytes);
  const partitions = readGptEntries(disk, header);
  const endLba = lastLba(disk, sectorBytes);
  if (header.alternateLba === endLba && isBackupValid(disk, header)) return undefined;

  const arrayBytes = alignUp(header.entryCount * header.entryBytes, sectorBytes);
  const entriesLba = endLba - arrayBytes / sectorBytes;
  const usableEndByte = entriesLba * sectorBytes;
  const outside = partitions.find(({ endByte }) => endByte > usableEndByte);
  if (outside !== undefined) {
    throw new MismatchError(
      'gpt-does-not-fit',
      `partition ${outside.number} ends at byte ${outside.endByte}, but only ${usableEndByte} bytes of the disk are left for partitions; use a larger device, or leave --fix-gpt out`,
    );
  }
  const primary = disk.readAt(sectorBytes, sectorBytes);
  encodeInto(gptLimitLayout, primary, { LastUsableLBA: BigInt(entriesLba - 1) });
  encodeInto(gptHeaderLayout, primary, { AlternateLBA: BigInt(endLba) });
  const backup = primary.slice();
  encodeInto(gptHeaderLayout, backup, {
    MyLBA: BigInt(endLba),
    AlternateLBA: 1n,
    PartitionEntryLBA: BigInt(entriesLba),
  });
  seal(primary);
  seal(backup);
  const entries = disk.readAt(header.entriesLba * sectorBytes, arrayBytes);
  const protective = resizeProtectiveEntry(disk.readAt(0, sectorBytes), endLba);
  return {
    formerLba: header.alternateLba,
    writes: [
      { startByte: usableEndByte, bytes: entries },
      { startByte: endLba * sectorBytes, bytes: backup },
      { startByte: sectorBytes, bytes: primary },
      ...(protective === undefined ? [] : [{ startByte: 0, bytes: protective }]),
    ],
  };
}

function isBackupValid(disk: ImageReader, { alternateLba, sectorBytes }: GptHeader): boolean {
  try {
    readGptEntries(disk, readGptHeader(disk, alternateLba, sectorBytes));
    return true;
  } catch (error) {
    if (error instanceof CorruptError) return false;
    throw error;
  }
}

function seal(header: Uint8Array): void {
  const { HeaderSize } = decode(gptLimitLayout, header);
  const HeaderCRC32 = checksumGptHeader(header.subarray(0, HeaderSize));
  encodeInto(gptHeaderLayout, header, { HeaderCRC32 });
}

/** The sector with its one protective entry made as long as the disk; undefined for any other MBR. */
function resizeProtectiveEntry(sector: Uint8Array, endLba: number): Uint8Array | undefined {
  const places = [0, 1, 2, 3].map((index) => MBR_ENTRIES_BYTE + index * mbrEntryLayout.lengthBytes);
  const used = places.filter((at) => decode(mbrEntryLayout, sector, at).OSType !== 0);
  const [at] = used;
  if (at === undefined || used.length > 1) return undefined;
  const entry = decode(mbrEntryLayout, sector, at);
  if (entry.OSType !== PROTECTIVE_TYPE || entry.StartingLBA !== 1) return undefined;
  const resized = sector.slice();
  encodeInto(mbrEntryLayout, resized, { SizeInLBA: Math.min(endLba, 0xffff_ffff) }, at);
  return resized;
}
