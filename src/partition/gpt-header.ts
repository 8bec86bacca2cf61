/**
 * The GPT header: primary in sector 1, backup in the last sector. Both name the other, themselves and
 * their partition entry array, and carry checksums of header and array. The sector size is recorded
 * nowhere; a header is only valid in the sector that it says it lies in, and that gives it away.
 *
 * Ignored: revision, reserved fields, the first and last usable LBA (a limit for tools that write).
 * Source: UEFI 2.10, section 5.3.2; Linux `block/partitions/efi.c`.
 */
import { crc32 } from 'node:zlib';

import { byteRun, decode, encodeInto, layout, u32le, u64le } from '../bytes/layout.ts';
import { toSafeNumber } from '../bytes/safe-number.ts';
import { hasAscii } from '../bytes/text.ts';
import { CorruptError } from '../errors/errors.ts';
import type { ImageReader } from '../image/image-reader.ts';

export const gptHeaderLayout = layout('GPT header', 92, {
  Signature: byteRun(0, 8), // "EFI PART"
  HeaderSize: u32le(12),
  HeaderCRC32: u32le(16), // of HeaderSize bytes, with this field zero
  MyLBA: u64le(24),
  AlternateLBA: u64le(32),
  PartitionEntryLBA: u64le(72),
  NumberOfPartitionEntries: u32le(80),
  SizeOfPartitionEntry: u32le(84),
  PartitionEntryArrayCRC32: u32le(88),
});

const SIGNATURE = 'EFI PART';

export interface GptHeader {
  readonly sectorBytes: number;
  readonly myLba: number;
  readonly alternateLba: number;
  readonly entriesLba: number;
  readonly entryCount: number;
  readonly entryBytes: number;
  readonly entriesCrc32: number;
}

/** The last whole sector of the image; below 0 in an image that has none. */
export function lastLba(reader: ImageReader, sectorBytes: number): number {
  return Math.floor(reader.sizeBytes / sectorBytes) - 1;
}

/** True if the sector at least looks like a header. @throws {SystemError} */
export function hasGptSignature(reader: ImageReader, startByte: number): boolean {
  if (startByte < 0 || startByte + SIGNATURE.length > reader.sizeBytes) return false;
  return hasAscii(reader.readAt(startByte, SIGNATURE.length), 0, SIGNATURE);
}

/**
 * Reads the header in sector `lba`, which may lie anywhere. Its checksum and position are verified; the array it points to is not.
 * @throws {CorruptError} kinds `gpt-outside`, `gpt-signature`, `gpt-header-size`,
 *   `gpt-header-checksum`, `gpt-position`, `number-too-large`.
 * @throws {SystemError} if the image cannot be read.
 */
export function readGptHeader(reader: ImageReader, lba: number, sectorBytes: number): GptHeader {
  const startByte = lba * sectorBytes;
  const place = { structure: 'GPT header', startByte };
  const fault = (kind: string, message: string): CorruptError =>
    new CorruptError(kind, place, message);

  if (startByte < 0 || startByte + sectorBytes > reader.sizeBytes) {
    throw fault('gpt-outside', 'lies outside of the image');
  }
  const sector = reader.readAt(startByte, sectorBytes);
  const raw = decode(gptHeaderLayout, sector);
  if (!hasAscii(raw.Signature, 0, SIGNATURE)) throw fault('gpt-signature', 'is not there');
  if (raw.HeaderSize < gptHeaderLayout.lengthBytes || raw.HeaderSize > sectorBytes) {
    throw fault('gpt-header-size', `has an impossible size of ${raw.HeaderSize} bytes`);
  }
  if (checksumGptHeader(sector.subarray(0, raw.HeaderSize)) !== raw.HeaderCRC32) {
    throw fault('gpt-header-checksum', 'has a wrong checksum');
  }
  if (raw.MyLBA !== BigInt(lba)) {
    throw fault('gpt-position', `belongs into sector ${raw.MyLBA}, not ${lba}`);
  }
  return {
    sectorBytes,
    myLba: lba,
    alternateLba: toSafeNumber(raw.AlternateLBA, 'alternate LBA', place),
    entriesLba: toSafeNumber(raw.PartitionEntryLBA, 'partition entry LBA', place),
    entryCount: raw.NumberOfPartitionEntries,
    entryBytes: raw.SizeOfPartitionEntry,
    entriesCrc32: raw.PartitionEntryArrayCRC32,
  };
}

/** @param header all `HeaderSize` bytes of it; left as they are. */
export function checksumGptHeader(header: Uint8Array): number {
  const copy = header.slice();
  encodeInto(gptHeaderLayout, copy, { HeaderCRC32: 0 });
  return crc32(copy);
}
