/**
 * The partition entry array of a GPT. Partition numbers are positions in it, so unused entries count.
 * Attributes and unique GUIDs are ignored.
 *
 * Source: UEFI 2.10, section 5.3.3.
 */
import { crc32 } from 'node:zlib';

import { formatGuid } from '../bytes/guid.ts';
import { byteRun, decode, layout, u64le } from '../bytes/layout.ts';
import { isAllZero } from '../bytes/text.ts';
import { toSafeNumber } from '../bytes/safe-number.ts';
import { CorruptError, UnsupportedError } from '../errors/errors.ts';
import type { ImageReader } from '../image/image-reader.ts';
import { alignUp, type ByteRange } from '../ranges/byte-range.ts';
import type { GptHeader } from './gpt-header.ts';
import type { Partition } from './partition-table.ts';
import { gptTypeName } from './partition-types.ts';

export const gptEntryLayout = layout('GPT partition entry', 128, {
  PartitionTypeGUID: byteRun(0, 16), // all zero: unused
  StartingLBA: u64le(32),
  EndingLBA: u64le(40), // inclusive
  PartitionName: byteRun(56, 72), // UTF-16LE, zero-terminated unless full
});

/** UEFI wants 128 * 2^n; above 4096 bytes nobody has seen one. */
const MAX_ENTRY_BYTES = 4096;
/** 131,072 entries of the usual 128 bytes; the usual array has 128 of them. */
const MAX_ARRAY_BYTES = 16 * 1024 * 1024;
/** `DISK_MAX_PARTS` of Linux. Each partition costs a look at what is in it. */
const MAX_PARTITIONS = 256;

/** Where the array lies, in whole sectors, cut at the end of the image; empty if it is not inside. */
export function entryArrayRange(reader: ImageReader, header: GptHeader): ByteRange {
  const { sectorBytes, entriesLba, entryCount, entryBytes } = header;
  const arrayBytes = Math.min(entryCount * entryBytes, MAX_ARRAY_BYTES);
  const startByte = Math.min(entriesLba * sectorBytes, reader.sizeBytes);
  return {
    startByte,
    endByte: Math.min(startByte + alignUp(arrayBytes, sectorBytes), reader.sizeBytes),
  };
}

/**
 * Reads all used entries, in the order of the array.
 * @throws {UnsupportedError} kinds `gpt-entry-size`, `gpt-array-too-large`, `gpt-too-many-partitions`.
 * @throws {CorruptError} kinds `gpt-array-outside`, `gpt-array-checksum`, `gpt-entry-reversed`,
 *   `number-too-large`.
 * @throws {SystemError} if the image cannot be read.
 */
export function readGptEntries(reader: ImageReader, header: GptHeader): readonly Partition[] {
  const array = readArray(reader, header);
  const partitions: Partition[] = [];
  for (let index = 0; index < header.entryCount; index++) {
    const bytes = array.subarray(index * header.entryBytes);
    if (isAllZero(bytes.subarray(0, 16))) continue;
    if (partitions.length >= MAX_PARTITIONS) {
      throw new UnsupportedError(
        'gpt-too-many-partitions',
        placeOf(header),
        `has more than ${MAX_PARTITIONS} partitions`,
      );
    }
    partitions.push(parseEntry(bytes, index + 1, header));
  }
  return partitions;
}

/**
 * Partitions in what is left of an array whose checksum is lost: those that lie inside the image.
 * @param header of valid sizes; its checksum is ignored.
 * @throws {SystemError} if the image cannot be read.
 */
export function findPlausiblePartitions(
  reader: ImageReader,
  header: GptHeader,
): readonly Partition[] {
  const { startByte, endByte } = entryArrayRange(reader, header);
  const array = reader.readAt(startByte, endByte - startByte);
  const found: Partition[] = [];
  for (let index = 0; (index + 1) * header.entryBytes <= array.length; index++) {
    const bytes = array.subarray(index * header.entryBytes);
    const { PartitionTypeGUID, StartingLBA, EndingLBA } = decode(gptEntryLayout, bytes);
    const lastLba = BigInt(Math.floor(reader.sizeBytes / header.sectorBytes)) - 1n;
    const isPlausible = 1n < StartingLBA && StartingLBA <= EndingLBA && EndingLBA <= lastLba;
    if (isPlausible && !isAllZero(PartitionTypeGUID)) {
      found.push(parseEntry(bytes, index + 1, header));
    }
  }
  return found;
}

function readArray(reader: ImageReader, header: GptHeader): Uint8Array {
  const { entryCount, entryBytes } = header;
  const place = placeOf(header);
  // A power of two has one bit set. 128 is one itself, so its multiples by 2^n are all that is left.
  const isPowerOfTwo = (entryBytes & (entryBytes - 1)) === 0;
  if (!isPowerOfTwo || entryBytes < gptEntryLayout.lengthBytes || entryBytes > MAX_ENTRY_BYTES) {
    throw new UnsupportedError('gpt-entry-size', place, `has entries of ${entryBytes} bytes`);
  }
  const arrayBytes = entryCount * entryBytes;
  if (arrayBytes > MAX_ARRAY_BYTES) {
    throw new UnsupportedError(
      'gpt-array-too-large',
      place,
      `has ${arrayBytes} bytes, above the limit of ${MAX_ARRAY_BYTES}`,
    );
  }
  if (place.startByte + arrayBytes > reader.sizeBytes) {
    throw new CorruptError('gpt-array-outside', place, 'lies behind the end of the image');
  }
  const array = reader.readAt(place.startByte, arrayBytes);
  if (crc32(array) !== header.entriesCrc32) {
    throw new CorruptError('gpt-array-checksum', place, 'has a wrong checksum');
  }
  return array;
}

function parseEntry(bytes: Uint8Array, number: number, header: GptHeader): Partition {
  const raw = decode(gptEntryLayout, bytes);
  const place = { structure: `GPT entry ${number}` };
  const sectorBytes = BigInt(header.sectorBytes);
  const startByte = toSafeNumber(raw.StartingLBA * sectorBytes, 'its start', place);
  const endByte = toSafeNumber((raw.EndingLBA + 1n) * sectorBytes, 'its end', place);
  if (endByte < startByte) {
    throw new CorruptError(
      'gpt-entry-reversed',
      place,
      `ends in sector ${raw.EndingLBA}, before its start in sector ${raw.StartingLBA}`,
    );
  }
  const type = formatGuid(raw.PartitionTypeGUID);
  return {
    number,
    scheme: 'gpt',
    type,
    typeName: gptTypeName(type),
    name: parseName(raw.PartitionName),
    startByte,
    endByte,
    isContainer: false,
  };
}

function parseName(bytes: Uint8Array): string {
  const text = new TextDecoder('utf-16le', { ignoreBOM: true }).decode(bytes);
  const end = text.indexOf('\0');
  return end === -1 ? text : text.slice(0, end);
}

function placeOf(header: GptHeader): { structure: string; startByte: number } {
  return { structure: 'GPT entry array', startByte: header.entriesLba * header.sectorBytes };
}
