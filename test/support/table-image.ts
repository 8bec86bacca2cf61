/** Partition tables in memory, made field by field, for tests that change one of them. */
import { crc32 } from 'node:zlib';

import { encodeInto } from '../../src/bytes/layout.ts';
import {
  bootRecordLayout,
  entryStartByte,
  mbrEntryLayout,
} from '../../src/partition/boot-record.ts';
import { gptEntryLayout } from '../../src/partition/gpt-entries.ts';
import { checksumGptHeader, gptHeaderLayout } from '../../src/partition/gpt-header.ts';

export const LINUX_GUID = '0FC63DAF-8483-4772-8E79-3D69D8477DE4';

export interface MbrEntryFields {
  readonly slot: number;
  readonly type?: number;
  readonly status?: number;
  readonly startLba: number;
  readonly sectorCount: number;
}

/** Writes a boot record: the signature and the named entries. The rest stays as it is. */
export function writeBootRecord(
  image: Uint8Array,
  entries: readonly MbrEntryFields[],
  startByte = 0,
): void {
  encodeInto(bootRecordLayout, image, { signature: 0xaa55 }, startByte);
  for (const { slot, type = 0x83, status = 0, startLba, sectorCount } of entries) {
    const changes = { type, status, startLba, sectorCount };
    encodeInto(mbrEntryLayout, image, changes, startByte + entryStartByte(slot));
  }
}

export interface GptEntryFields {
  readonly slot: number;
  readonly type?: string;
  readonly firstLba: number | bigint;
  readonly lastLba: number | bigint;
  readonly name?: string;
}

export interface GptFields {
  readonly imageBytes: number;
  readonly sectorBytes?: number;
  readonly entryBytes?: number;
  readonly entryCount?: number;
  readonly entries: readonly GptEntryFields[];
}

/** An image with a protective MBR and both copies of the GPT. */
export function makeGptImage(fields: GptFields): Uint8Array {
  const { imageBytes, sectorBytes = 512, entryBytes = 128, entryCount = 128 } = fields;
  const image = new Uint8Array(imageBytes);
  const lastLba = Math.floor(imageBytes / sectorBytes) - 1;
  const arraySectors = Math.ceil((entryBytes * entryCount) / sectorBytes);
  writeBootRecord(image, [{ slot: 1, type: 0xee, startLba: 1, sectorCount: lastLba }]);
  const copies = [
    { myLba: 1, alternateLba: lastLba, entriesLba: 2 },
    { myLba: lastLba, alternateLba: 1, entriesLba: lastLba - arraySectors },
  ];
  for (const { myLba, alternateLba, entriesLba } of copies) {
    for (const {
      slot,
      type = LINUX_GUID,
      firstLba,
      lastLba: endLba,
      name = '',
    } of fields.entries) {
      const changes = {
        PartitionTypeGUID: guidBytes(type),
        StartingLBA: BigInt(firstLba),
        EndingLBA: BigInt(endLba),
        PartitionName: Buffer.from(name.padEnd(36, '\0').slice(0, 36), 'utf16le'),
      };
      const startByte = entriesLba * sectorBytes + (slot - 1) * entryBytes;
      encodeInto(gptEntryLayout, image, changes, startByte);
    }
    const header = {
      Signature: Buffer.from('EFI PART'),
      HeaderSize: gptHeaderLayout.lengthBytes,
      MyLBA: BigInt(myLba),
      AlternateLBA: BigInt(alternateLba),
      PartitionEntryLBA: BigInt(entriesLba),
      NumberOfPartitionEntries: entryCount,
      SizeOfPartitionEntry: entryBytes,
    };
    encodeInto(gptHeaderLayout, image, header, myLba * sectorBytes);
    sealGpt(image, myLba, sectorBytes);
  }
  return image;
}

/** Makes the checksums of array and header right again after something in them was changed. */
export function sealGpt(image: Uint8Array, myLba: number, sectorBytes = 512): void {
  const startByte = myLba * sectorBytes;
  const view = new DataView(image.buffer, image.byteOffset + startByte, sectorBytes);
  const arrayStart = Number(view.getBigUint64(72, true)) * sectorBytes;
  const arrayBytes = view.getUint32(80, true) * view.getUint32(84, true);
  // An array outside of the image has no checksum that could be right.
  const array = image.subarray(arrayStart, arrayStart + arrayBytes);
  encodeInto(gptHeaderLayout, image, { PartitionEntryArrayCRC32: crc32(array) }, startByte);
  const header = image.subarray(startByte, startByte + view.getUint32(12, true));
  encodeInto(gptHeaderLayout, image, { HeaderCRC32: checksumGptHeader(header) }, startByte);
}

/** The bytes of a GUID as GPT stores them. */
function guidBytes(guid: string): Uint8Array {
  const bytes = Buffer.from(guid.replaceAll('-', ''), 'hex');
  for (const [start, end] of [
    [0, 4],
    [4, 6],
    [6, 8],
  ] as const) {
    bytes.subarray(start, end).reverse();
  }
  return bytes;
}
