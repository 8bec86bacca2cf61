import { describe, expect, it } from 'vitest';

import {
  LINUX_GUID,
  makeGptImage,
  sealGpt,
  type GptEntryFields,
} from '../../test/support/table-image.ts';
import { encodeInto, type Decoded } from '../bytes/layout.ts';
import { MemoryReader } from '../image/memory-reader.ts';
import { RangeSet } from '../ranges/range-set.ts';
import { gptEntryLayout } from './gpt-entries.ts';
import { checksumGptHeader, gptHeaderLayout } from './gpt-header.ts';
import { readGpt, type GptReading } from './gpt.ts';

const SECTOR = 512;
const IMAGE_BYTES = 1024 * 1024;
const LAST_LBA = IMAGE_BYTES / SECTOR - 1;
const ENTRIES = [
  { slot: 1, firstLba: 64, lastLba: 127, name: 'boot' },
  { slot: 3, firstLba: 128, lastLba: 1023, name: 'r\u{f6}\u{f6}t \u{1f427}' },
];

function makeGood(): Uint8Array {
  return makeGptImage({ imageBytes: IMAGE_BYTES, entries: ENTRIES });
}

function read(image: Uint8Array, isProtected = true): GptReading {
  const reading = readGpt(new MemoryReader(image), isProtected);
  if (reading === undefined) throw new Error('no GPT was found');
  return reading;
}

function codes({ findings }: GptReading): readonly string[] {
  return findings.map(({ code }) => code);
}

type HeaderChange = Partial<Decoded<typeof gptHeaderLayout.fields>>;

/** Changes fields of one header, with a checksum that fits unless it is the thing to change. */
function changeHeader(image: Uint8Array, myLba: number, changes: HeaderChange): Uint8Array {
  encodeInto(gptHeaderLayout, image, changes, myLba * SECTOR);
  return image;
}

describe('a healthy GPT', () => {
  it('lists used entries under their position in the array', () => {
    const { partitions, isTrusted, sectorBytes, findings } = read(makeGood());
    expect({ isTrusted, sectorBytes, findings }).toEqual({
      isTrusted: true,
      sectorBytes: 512,
      findings: [],
    });
    expect(partitions).toEqual([
      {
        number: 1,
        scheme: 'gpt',
        type: LINUX_GUID,
        typeName: 'Linux filesystem',
        name: 'boot',
        startByte: 64 * SECTOR,
        endByte: 128 * SECTOR,
        isContainer: false,
      },
      expect.objectContaining({
        number: 3,
        name: 'r\u{f6}\u{f6}t \u{1f427}',
        startByte: 128 * SECTOR,
        endByte: 1024 * SECTOR,
      }),
    ]);
  });

  it('reads a name that fills its field', () => {
    const entries = [{ slot: 1, firstLba: 64, lastLba: 64, name: 'x'.repeat(36) }];
    expect(read(makeGptImage({ imageBytes: IMAGE_BYTES, entries })).partitions[0]?.name).toBe(
      'x'.repeat(36),
    );
  });

  it('covers the MBR, both headers and both arrays, and nothing else', () => {
    expect(RangeSet.of(...read(makeGood()).tableRanges)).toEqual(
      RangeSet.of(
        { startByte: 0, endByte: 34 * SECTOR },
        { startByte: (LAST_LBA - 32) * SECTOR, endByte: IMAGE_BYTES },
      ),
    );
  });

  it.each([512, 1024, 2048, 4096])('finds sectors of %i bytes', (sectorBytes) => {
    const image = makeGptImage({
      imageBytes: IMAGE_BYTES,
      sectorBytes,
      entries: [{ slot: 2, firstLba: 40, lastLba: 99 }],
    });
    const reading = read(image);
    expect(reading).toMatchObject({ sectorBytes, isTrusted: true, findings: [] });
    expect(reading.partitions).toMatchObject([
      { number: 2, startByte: 40 * sectorBytes, endByte: 100 * sectorBytes },
    ]);
  });

  it.each([128, 256, 512, 1024, 2048, 4096])('reads entries of %i bytes', (entryBytes) => {
    const reading = read(
      makeGptImage({ imageBytes: 4 * IMAGE_BYTES, entryBytes, entries: ENTRIES }),
    );
    expect(reading).toMatchObject({ isTrusted: true, findings: [] });
    expect(reading.partitions.map(({ number }) => number)).toEqual([1, 3]);
  });

  it.each([64, 129, 192, 384, 8192, 0, 0x8000_0000])('refuses entries of %i bytes', (size) => {
    const image = changeHeader(makeGood(), 1, { SizeOfPartitionEntry: size });
    changeHeader(image, LAST_LBA, { SizeOfPartitionEntry: size });
    resealHeaders(image);
    expect(read(image)).toMatchObject({ isTrusted: false, partitions: [] });
    expect(read(image).findings).toMatchObject([{ level: 'warning', code: 'gpt.unsupported' }]);
    expect(read(image).findings[0]?.text).toContain(`has entries of ${size} bytes`);
  });

  it('reads an array of 16 MiB, and no larger one', () => {
    const image = makeGptImage({
      imageBytes: 40 * IMAGE_BYTES,
      entryCount: 131_072,
      entries: [{ slot: 131_072, firstLba: 40_000, lastLba: 40_001 }],
    });
    expect(read(image)).toMatchObject({ isTrusted: true, partitions: [{ number: 131_072 }] });
    for (const lba of [1, image.length / SECTOR - 1]) {
      changeHeader(image, lba, { NumberOfPartitionEntries: 131_073 });
      sealGpt(image, lba);
    }
    expect(read(image)).toMatchObject({ isTrusted: false, partitions: [] });
    expect(read(image).findings[0]?.text).toContain('16777344 bytes');
  });

  it('has at most as many partitions as Linux takes', () => {
    const entries = Array.from({ length: 257 }, (_, index) => ({
      slot: index + 1,
      firstLba: 200 + index,
      lastLba: 200 + index,
    }));
    const shape = { imageBytes: IMAGE_BYTES, entryCount: 257 };
    const most = makeGptImage({ ...shape, entries: entries.slice(0, 256) });
    expect(read(most)).toMatchObject({ isTrusted: true });
    expect(read(makeGptImage({ ...shape, entries }))).toMatchObject({ isTrusted: false });
  });
});

describe('a primary GPT with one thing wrong', () => {
  const changes: readonly [string, HeaderChange, boolean][] = [
    ['signature', { Signature: Buffer.from('EFI PARt') }, true],
    ['header size too small', { HeaderSize: 91 }, true],
    ['header size above a sector', { HeaderSize: 513 }, true],
    ['checksum', { HeaderCRC32: 1 }, false],
    ['position', { MyLBA: 2n }, true],
    ['alternate LBA above 2^53', { AlternateLBA: 2n ** 60n }, true],
    ['array position above 2^53', { PartitionEntryLBA: 2n ** 63n }, true],
    ['array behind the end', { PartitionEntryLBA: BigInt(LAST_LBA) }, true],
    ['array elsewhere', { PartitionEntryLBA: 3n }, true],
    ['entry count', { NumberOfPartitionEntries: 127 }, true],
    ['entry size', { SizeOfPartitionEntry: 256 }, true],
    ['array checksum', { PartitionEntryArrayCRC32: 1 }, true],
  ];

  it.each(changes)('%s: never yields other partitions', (_, change, isSealed) => {
    const good = read(makeGood());
    const image = changeHeader(makeGood(), 1, change);
    if (isSealed) resealHeader(image, 1);
    const reading = read(image);
    expect(codes(reading)).not.toEqual([]);
    expect(reading.partitions).toEqual(reading.isTrusted ? good.partitions : []);
  });

  it('uses the backup if the header is damaged, and says so', () => {
    const image = changeHeader(makeGood(), 1, { HeaderCRC32: 1 });
    const reading = read(image);
    expect(reading).toMatchObject({ isTrusted: true, partitions: read(makeGood()).partitions });
    expect(codes(reading)).toEqual(['gpt.backup-used']);
    expect(reading.findings[0]?.text).toContain('GPT header at byte 512: has a wrong checksum');
    expect(RangeSet.of(...reading.tableRanges)).toEqual(
      RangeSet.of(...read(makeGood()).tableRanges),
    );
  });

  it('uses the backup if the array is damaged', () => {
    const image = makeGood();
    image[2 * SECTOR + 40]! ^= 1;
    const reading = read(image);
    expect(reading).toMatchObject({ isTrusted: true, partitions: read(makeGood()).partitions });
    expect(codes(reading)).toEqual(['gpt.backup-used']);
  });

  it.each([512, 1024, 2048, 4096])('uses the backup of %i-byte sectors', (sectorBytes) => {
    const entries = [{ slot: 1, firstLba: 40, lastLba: 99 }];
    const image = makeGptImage({ imageBytes: IMAGE_BYTES + 100, sectorBytes, entries });
    image.fill(0, sectorBytes, 34 * sectorBytes);
    const reading = read(image);
    expect(reading).toMatchObject({ sectorBytes, isTrusted: true, partitions: [{ number: 1 }] });
  });

  it('is not trusted if the backup is damaged, too', () => {
    const image = makeGood();
    image[SECTOR + 16]! ^= 1;
    image[LAST_LBA * SECTOR + 16]! ^= 1;
    expect(read(image)).toMatchObject({ isTrusted: false, partitions: [] });
    expect(codes(read(image))).toEqual(['gpt.damaged']);
  });

  it('does not believe a backup that belongs to another array', () => {
    const image = makeGood();
    image[2 * SECTOR + 40]! ^= 1;
    writeBackupOf(image, [{ slot: 1, firstLba: 64, lastLba: 900 }]);
    expect(codes(read(image))).toEqual(['gpt.damaged']);
  });

  it('does not believe a backup that contradicts what is left of the primary', () => {
    const image = changeHeader(makeGood(), 1, { HeaderCRC32: 1 });
    writeBackupOf(image, [{ slot: 1, firstLba: 64, lastLba: 900 }]);
    expect(read(image)).toMatchObject({ isTrusted: false });
    expect(codes(read(image))).toEqual(['gpt.backup-differs']);
  });

  it('believes the backup if nothing sensible is left of the primary', () => {
    for (const garbage of [0x00, 0x5a, 0xff]) {
      const image = makeGood().fill(garbage, SECTOR, 34 * SECTOR);
      expect(read(image)).toMatchObject({
        isTrusted: true,
        partitions: read(makeGood()).partitions,
      });
    }
  });

  it('does not believe a backup that does not point back', () => {
    const image = changeHeader(makeGood(), 1, { HeaderCRC32: 1 });
    changeHeader(image, LAST_LBA, { AlternateLBA: 2n });
    resealHeader(image, LAST_LBA);
    expect(codes(read(image))).toEqual(['gpt.damaged']);
  });
});

describe('a backup GPT with something wrong', () => {
  it('is reported if it is damaged, and its sectors stay', () => {
    for (const at of [LAST_LBA * SECTOR + 40, (LAST_LBA - 32) * SECTOR + 40]) {
      const image = makeGood();
      image[at]! ^= 1;
      const reading = read(image);
      expect(reading).toMatchObject({ isTrusted: true, partitions: read(makeGood()).partitions });
      expect(codes(reading)).toEqual(['gpt.backup-damaged']);
      expect(RangeSet.of(...reading.tableRanges)).toEqual(
        RangeSet.of(...read(makeGood()).tableRanges),
      );
    }
  });

  it('is reported if the image was cut', () => {
    const reading = read(makeGood().subarray(0, IMAGE_BYTES - SECTOR));
    expect(reading).toMatchObject({ isTrusted: true, partitions: [{ number: 1 }, { number: 3 }] });
    expect(codes(reading)).toEqual(['gpt.backup-missing']);
  });

  it('is found where the primary says if the image has grown', () => {
    const image = new Uint8Array(IMAGE_BYTES + 50 * SECTOR);
    image.set(makeGood());
    const reading = read(image);
    expect(reading).toMatchObject({ isTrusted: true, findings: [] });
    expect(RangeSet.of(...reading.tableRanges).covers((LAST_LBA - 32) * SECTOR, IMAGE_BYTES)).toBe(
      true,
    );
  });

  it('leaves a header of an earlier table alone, but maps it', () => {
    const image = new Uint8Array(IMAGE_BYTES * 2);
    const older = makeGptImage({ imageBytes: IMAGE_BYTES * 2, entries: [] });
    image.set(older.subarray(IMAGE_BYTES), IMAGE_BYTES);
    image.set(makeGood());
    const reading = read(image);
    expect(reading).toMatchObject({ isTrusted: true, partitions: read(makeGood()).partitions });
    expect(codes(reading)).toEqual(['gpt.stray-header']);
    const ranges = RangeSet.of(...reading.tableRanges);
    expect(ranges.covers(image.length - 33 * SECTOR, image.length)).toBe(true);
  });

  it('is not trusted if it names other partitions', () => {
    const image = makeGood();
    writeBackupOf(image, [ENTRIES[0]!, { ...ENTRIES[1]!, lastLba: 1022 }]);
    expect(read(image)).toMatchObject({ isTrusted: false });
    expect(codes(read(image))).toEqual(['gpt.backup-differs']);
  });

  it('may name them otherwise', () => {
    const image = makeGood();
    writeBackupOf(image, [ENTRIES[0]!, { ...ENTRIES[1]!, name: 'other' }]);
    expect(read(image)).toMatchObject({
      isTrusted: true,
      partitions: [{}, { name: ENTRIES[1]!.name }],
    });
  });
});

describe('entries that make no sense', () => {
  const cases: readonly [string, bigint, bigint][] = [
    ['ends before it starts', 500n, 400n],
    ['starts above 2^53', 2n ** 60n, 2n ** 60n],
    ['ends above 2^53', 500n, 2n ** 64n - 1n],
  ];
  it.each(cases)('%s: not trusted', (_, StartingLBA, EndingLBA) => {
    const image = makeGood();
    for (const [lba, arrayLba] of [
      [1, 2],
      [LAST_LBA, LAST_LBA - 32],
    ] as const) {
      const startByte = arrayLba * SECTOR;
      encodeInto(gptEntryLayout, image, { StartingLBA, EndingLBA }, startByte);
      sealGpt(image, lba);
    }
    expect(read(image)).toMatchObject({ isTrusted: false, partitions: [] });
  });
});

describe('whether there is a GPT', () => {
  it('is not asked of an image without a protective entry and without a header', () => {
    expect(readGpt(new MemoryReader(new Uint8Array(IMAGE_BYTES)), false)).toBeUndefined();
    const image = makeGood();
    image.fill(0, SECTOR, 34 * SECTOR);
    expect(readGpt(new MemoryReader(image), false)).toBeUndefined();
  });

  it('is a yes if the primary is there, even damaged', () => {
    expect(readGpt(new MemoryReader(makeGood()), false)).toBeDefined();
    const image = changeHeader(makeGood(), 1, { HeaderCRC32: 1 });
    expect(readGpt(new MemoryReader(image), false)).toBeDefined();
  });

  it('is not decided between two sector sizes', () => {
    const image = makeGood();
    const other = makeGptImage({ imageBytes: IMAGE_BYTES, sectorBytes: 4096, entries: [] });
    image.set(other.subarray(4096), 4096);
    image.set(makeGood().subarray(SECTOR, 2 * SECTOR), SECTOR);
    expect(read(image)).toMatchObject({ isTrusted: false });
    expect(codes(read(image))).toEqual(['gpt.sector-size']);
  });

  it.each([512, 513, 1023, 1024, 1535, 1536, 4096, 8191, 8192, 16_384])(
    'needs no more than %i bytes to be answered',
    (imageBytes) => {
      const reading = read(makeGood().slice(0, imageBytes));
      expect(reading).toMatchObject({ isTrusted: false, partitions: [] });
      for (const { endByte } of reading.tableRanges)
        expect(endByte).toBeLessThanOrEqual(imageBytes);
      expect(read(new Uint8Array(imageBytes))).toMatchObject({ isTrusted: false });
    },
  );
});

/** Makes a header's own checksum right, and leaves that of the array wrong if it is. */
function resealHeader(image: Uint8Array, myLba: number): void {
  const at = myLba * SECTOR;
  const view = new DataView(image.buffer, image.byteOffset + at, SECTOR);
  const size = Math.min(view.getUint32(12, true), SECTOR);
  const header = image.subarray(at, at + Math.max(size, 92));
  changeHeader(image, myLba, { HeaderCRC32: checksumGptHeader(header) });
}

function resealHeaders(image: Uint8Array): void {
  resealHeader(image, 1);
  resealHeader(image, LAST_LBA);
}

/** Replaces the backup by that of another table with the same shape. */
function writeBackupOf(image: Uint8Array, entries: readonly GptEntryFields[]): void {
  const other = makeGptImage({ imageBytes: IMAGE_BYTES, entries });
  const backupStart = (LAST_LBA - 32) * SECTOR;
  image.set(other.subarray(backupStart), backupStart);
}
