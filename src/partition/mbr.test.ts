import { describe, expect, it } from 'vitest';

import { writeBootRecord, type MbrEntryFields } from '../../test/support/table-image.ts';
import { encodeInto } from '../bytes/layout.ts';
import { MemoryReader } from '../image/memory-reader.ts';
import { bootRecordLayout, parseBootRecord } from './boot-record.ts';
import { isProtective, readMbr, type MbrReading } from './mbr.ts';

const IMAGE_BYTES = 1024 * 1024;
const FAT_START = { jump: 0xeb, bytesPerSector: 512 };

interface Shape {
  readonly entries: readonly MbrEntryFields[];
  /** Bytes at which filesystems start. */
  readonly filesystems?: readonly number[];
  readonly hasParameterBlock?: boolean;
}

function read({ entries, filesystems = [], hasParameterBlock }: Shape): MbrReading | undefined {
  const image = new Uint8Array(IMAGE_BYTES);
  writeBootRecord(image, entries);
  if (hasParameterBlock === true) encodeInto(bootRecordLayout, image, FAT_START);
  const record = parseBootRecord(image.subarray(0, 512));
  if (record === undefined) throw new Error('the record has a signature');
  return readMbr(new MemoryReader(image), record, (startByte) => filesystems.includes(startByte));
}

describe('an MBR', () => {
  it('is nothing without its signature', () => {
    const sector = new Uint8Array(512);
    expect(parseBootRecord(sector)).toBeUndefined();
    encodeInto(bootRecordLayout, sector, { signature: 0x55aa });
    expect(parseBootRecord(sector)).toBeUndefined();
  });

  it('lists entries under their slot', () => {
    const entries = [
      { slot: 1, type: 0x0c, status: 0x80, startLba: 8, sectorCount: 100 },
      { slot: 4, type: 0x99, startLba: 200, sectorCount: 300 },
    ];
    expect(read({ entries })).toEqual({
      sectorBytes: 512,
      isTrusted: true,
      tableRanges: [{ startByte: 0, endByte: 512 }],
      findings: [],
      partitions: [
        {
          number: 1,
          scheme: 'mbr',
          type: '0x0c',
          typeName: 'FAT32 (LBA)',
          name: '',
          startByte: 8 * 512,
          endByte: 108 * 512,
          isContainer: false,
        },
        expect.objectContaining({ number: 4, type: '0x99', typeName: 'unknown' }),
      ],
    });
  });

  it('takes an entry of type 0 that has a length for a partition', () => {
    const reading = read({ entries: [{ slot: 2, type: 0, startLba: 0, sectorCount: 9 }] });
    expect(reading?.partitions).toMatchObject([{ number: 2, startByte: 0, endByte: 9 * 512 }]);
  });

  it('ignores an entry without a length, and mentions it if it has a type', () => {
    expect(read({ entries: [{ slot: 1, startLba: 8, sectorCount: 0 }] })).toBeUndefined();
    const other = { slot: 2, startLba: 8, sectorCount: 8 };
    const reading = read({ entries: [{ slot: 1, startLba: 8, sectorCount: 0 }, other] });
    expect(reading).toMatchObject({ partitions: [{ number: 2 }] });
    expect(reading?.findings).toMatchObject([{ level: 'info', code: 'partition.empty' }]);
  });

  it('knows numbers above 2^31', () => {
    const entries = [{ slot: 1, startLba: 0xffff_fff0, sectorCount: 0xffff_ffff }];
    expect(read({ entries })?.partitions).toMatchObject([
      { startByte: 0xffff_fff0 * 512, endByte: (0xffff_fff0 + 0xffff_ffff) * 512 },
    ]);
  });

  it.each([0x05, 0x0f, 0x85])('holds logical partitions in type 0x%s', (type) => {
    const reading = read({ entries: [{ slot: 1, type, startLba: 64, sectorCount: 64 }] });
    expect(reading?.partitions).toMatchObject([{ isContainer: true }]);
  });
});

describe('a boot sector that is no MBR', () => {
  it('has no entries', () => {
    expect(read({ entries: [] })).toBeUndefined();
  });

  it('has boot code where the entries would be', () => {
    for (const status of [0x01, 0x7f, 0x81, 0xff]) {
      const entries = [{ slot: 3, status, startLba: 64, sectorCount: 64 }];
      expect(read({ entries })).toBeUndefined();
    }
  });

  it('is in doubt if there are filesystems where its entries point', () => {
    const entries = [{ slot: 3, status: 0x01, startLba: 64, sectorCount: 64 }];
    for (const startByte of [64 * 512, 64 * 4096]) {
      const reading = read({ entries, filesystems: [startByte] });
      expect(reading).toMatchObject({ isTrusted: false, partitions: [{ number: 3 }] });
      expect(reading?.findings).toMatchObject([{ level: 'error', code: 'mbr.bad-status' }]);
    }
    expect(read({ entries, filesystems: [0] })).toBeUndefined();
  });

  it('names its own filesystem as a partition', () => {
    const entries = [{ slot: 1, status: 0x80, type: 0x0c, startLba: 0, sectorCount: 2048 }];
    const shape = { entries, filesystems: [0], hasParameterBlock: true };
    expect(read(shape)).toBeUndefined();
    expect(read({ ...shape, hasParameterBlock: false })?.partitions).toHaveLength(1);
    expect(read({ ...shape, filesystems: [] })?.partitions).toHaveLength(1);
    const second = { slot: 2, startLba: 64, sectorCount: 64 };
    expect(read({ ...shape, entries: [...entries, second] })?.partitions).toHaveLength(2);
  });
});

describe('a protective entry', () => {
  it('has type 0xee and starts in sector 1, in any slot', () => {
    const sector = new Uint8Array(512);
    writeBootRecord(sector, [{ slot: 3, type: 0xee, startLba: 1, sectorCount: 9 }]);
    expect(isProtective(parseBootRecord(sector)!)).toBe(true);
    writeBootRecord(sector, [{ slot: 3, type: 0xee, startLba: 2, sectorCount: 9 }]);
    expect(isProtective(parseBootRecord(sector)!)).toBe(false);
    writeBootRecord(sector, [{ slot: 3, type: 0xef, startLba: 1, sectorCount: 9 }]);
    expect(isProtective(parseBootRecord(sector)!)).toBe(false);
  });

  it('is not believed in the wrong place', () => {
    const entries = [
      { slot: 1, type: 0xee, startLba: 2, sectorCount: 100 },
      { slot: 2, startLba: 200, sectorCount: 100 },
    ];
    const reading = read({ entries });
    expect(reading).toMatchObject({ isTrusted: false });
    expect(reading?.findings).toMatchObject([{ level: 'error', code: 'gpt.damaged' }]);
  });
});

describe('the sector size', () => {
  const entries = [
    { slot: 1, startLba: 16, sectorCount: 16 },
    { slot: 2, startLba: 32, sectorCount: 16 },
  ];

  it('is 512 where nothing speaks for another', () => {
    expect(read({ entries })).toMatchObject({ sectorBytes: 512, isTrusted: true });
    const reading = read({ entries, filesystems: [16 * 512] });
    expect(reading).toMatchObject({ sectorBytes: 512, isTrusted: true, findings: [] });
  });

  it('is 4096 if that is where the filesystems are', () => {
    const reading = read({ entries, filesystems: [32 * 4096] });
    expect(reading).toMatchObject({
      sectorBytes: 4096,
      isTrusted: true,
      tableRanges: [{ startByte: 0, endByte: 4096 }],
      partitions: [
        { startByte: 16 * 4096, endByte: 32 * 4096 },
        { startByte: 32 * 4096, endByte: 48 * 4096 },
      ],
      findings: [{ level: 'info', code: 'mbr.sector-4096' }],
    });
  });

  it('is in doubt if there are filesystems in both places', () => {
    const reading = read({ entries, filesystems: [16 * 512, 32 * 4096] });
    expect(reading).toMatchObject({ isTrusted: false });
    expect(reading?.findings).toMatchObject([{ level: 'error', code: 'mbr.sector-size' }]);
  });

  it('is in doubt if 4096 would lead out of the image', () => {
    const long = [...entries, { slot: 3, startLba: 48, sectorCount: 4096 }];
    const reading = read({ entries: long, filesystems: [16 * 4096] });
    expect(reading).toMatchObject({ isTrusted: false });
  });

  it('does not follow from a place that is a start in both counts', () => {
    const both = [
      { slot: 1, startLba: 16, sectorCount: 16 },
      { slot: 2, startLba: 128, sectorCount: 16 },
    ];
    const reading = read({ entries: both, filesystems: [128 * 512] });
    expect(reading).toMatchObject({ sectorBytes: 512, isTrusted: true });
  });

  it('does not follow from LBA 0', () => {
    const whole = [
      { slot: 1, type: 0, startLba: 0, sectorCount: 200 },
      { slot: 2, startLba: 32, sectorCount: 16 },
    ];
    const reading = read({ entries: whole, filesystems: [0, 32 * 4096] });
    expect(reading).toMatchObject({ sectorBytes: 4096, isTrusted: true });
  });
});
