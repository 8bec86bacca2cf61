import { describe, expect, it } from 'vitest';

import { makeGptImage, writeBootRecord } from '../../test/support/table-image.ts';
import { SystemError } from '../errors/errors.ts';
import { MemoryReader } from '../image/memory-reader.ts';
import { RangeSet } from '../ranges/range-set.ts';
import type { PartitionTable } from './partition-table.ts';
import { readPartitionTable } from './read-partition-table.ts';

const IMAGE_BYTES = 1024 * 1024;
const PROTECTIVE = { slot: 1, type: 0xee, startLba: 1, sectorCount: 2047 };
const MBR_ENTRY = { slot: 2, startLba: 512, sectorCount: 256 };

function makeGpt(): Uint8Array {
  const entries = [{ slot: 1, firstLba: 64, lastLba: 127 }];
  return makeGptImage({ imageBytes: IMAGE_BYTES, entries });
}

function read(image: Uint8Array, filesystems: readonly number[] = []): PartitionTable {
  return readPartitionTable(new MemoryReader(image), {
    startsFilesystem: (startByte) => filesystems.includes(startByte),
  });
}

function codes({ findings }: PartitionTable): readonly string[] {
  return findings.map(({ code }) => code);
}

describe('readPartitionTable', () => {
  it('finds no table in images of any small size', () => {
    for (const byte of [0x00, 0xff]) {
      for (const length of [0, 1, 2, 510, 511, 512, 513, 1024, 4095, 4096, 4097, 20_000]) {
        expect(read(new Uint8Array(length).fill(byte))).toMatchObject({
          scheme: 'none',
          sectorBytes: 512,
          isTrusted: true,
          partitions: [],
          tableRanges: [],
          findings: [],
        });
      }
    }
  });

  it('reads an MBR', () => {
    const image = new Uint8Array(IMAGE_BYTES);
    writeBootRecord(image, [MBR_ENTRY]);
    expect(read(image)).toMatchObject({
      scheme: 'mbr',
      isTrusted: true,
      partitions: [{ number: 2, scheme: 'mbr', startByte: 512 * 512 }],
      findings: [],
    });
  });

  it('reads a GPT, without its protective entry', () => {
    expect(read(makeGpt())).toMatchObject({
      scheme: 'gpt',
      isTrusted: true,
      partitions: [{ number: 1, scheme: 'gpt' }],
      findings: [],
    });
  });

  it('joins a GPT and a hybrid MBR, logical partitions included', () => {
    const image = makeGpt();
    const extended = { slot: 4, type: 0x05, startLba: 1024, sectorCount: 256 };
    writeBootRecord(image, [PROTECTIVE, MBR_ENTRY, extended]);
    writeBootRecord(image, [{ slot: 1, startLba: 8, sectorCount: 8 }], 1024 * 512);
    const table = read(image);
    expect(table).toMatchObject({ scheme: 'hybrid', isTrusted: true, findings: [] });
    expect(table.partitions).toMatchObject([
      { number: 1, scheme: 'gpt' },
      { number: 2, scheme: 'mbr' },
      { number: 4, scheme: 'mbr', isContainer: true },
      { number: 5, scheme: 'logical' },
    ]);
    const ranges = RangeSet.of(...table.tableRanges);
    expect(ranges.covers(1024 * 512, 1025 * 512)).toBe(true);
    expect(ranges.covers(0, 34 * 512)).toBe(true);
  });

  it('takes a second protective entry for what it is', () => {
    const image = makeGpt();
    writeBootRecord(image, [PROTECTIVE, { slot: 3, type: 0xee, startLba: 600, sectorCount: 9 }]);
    expect(read(image)).toMatchObject({ scheme: 'gpt', isTrusted: true });
  });

  it('does not trust a GPT without a protective entry', () => {
    const wiped = makeGpt().fill(0, 0, 512);
    expect(read(wiped)).toMatchObject({
      scheme: 'gpt',
      isTrusted: false,
      partitions: [{ scheme: 'gpt' }],
    });
    expect(codes(read(wiped))).toEqual(['gpt.no-protective-mbr']);

    const replaced = makeGpt().fill(0, 0, 512);
    writeBootRecord(replaced, [MBR_ENTRY]);
    expect(read(replaced)).toMatchObject({
      scheme: 'hybrid',
      isTrusted: false,
      partitions: [{ scheme: 'gpt' }, { scheme: 'mbr' }],
    });
    expect(codes(read(replaced))).toEqual(['gpt.no-protective-mbr']);
  });

  it('does not warn of what ISO images are made like', () => {
    const image = makeGpt().fill(0, 0, 512);
    image.set(Buffer.from('dabe', 'hex'), 508);
    expect(read(image).findings.map(({ level }) => level)).toEqual(['warning', 'warning']);
    image.set(Buffer.from('CD001'), 32_769);
    expect(read(image)).toMatchObject({ isTrusted: false });
    expect(read(image).findings.map(({ level }) => level)).toEqual(['info', 'info']);
  });

  it('lists nothing from boot code in front of a GPT', () => {
    const image = makeGpt().fill(0, 0, 512);
    writeBootRecord(image, [{ ...MBR_ENTRY, status: 0x13 }]);
    expect(read(image)).toMatchObject({ scheme: 'gpt', isTrusted: false });
  });

  it('does not trust a protective entry without a GPT', () => {
    for (const others of [[], [MBR_ENTRY]]) {
      const image = new Uint8Array(IMAGE_BYTES);
      writeBootRecord(image, [PROTECTIVE, ...others]);
      expect(read(image, [512 * 512])).toMatchObject({ isTrusted: false });
      expect(codes(read(image))).toContain('gpt.damaged');
    }
  });

  it('does not trust a foreign table, alone or under another', () => {
    const image = new Uint8Array(IMAGE_BYTES);
    image.set(Buffer.from('RDSK'), 1024);
    expect(read(image)).toMatchObject({ scheme: 'foreign', isTrusted: false });
    expect(codes(read(image))).toEqual(['table.foreign']);
    writeBootRecord(image, [MBR_ENTRY]);
    expect(read(image)).toMatchObject({ scheme: 'mbr', isTrusted: false });
  });

  it('keeps a partition that is divided further', () => {
    const image = new Uint8Array(IMAGE_BYTES);
    writeBootRecord(image, [MBR_ENTRY]);
    image.set(Buffer.from('57455682', 'hex'), 513 * 512);
    const table = read(image);
    expect(table).toMatchObject({ isTrusted: true });
    expect(codes(table)).toEqual(['table.nested']);
    expect(RangeSet.of(...table.tableRanges).covers(512 * 512, 768 * 512)).toBe(true);
  });

  it('does not take the EBR of an extended partition for a table inside it', () => {
    const image = new Uint8Array(IMAGE_BYTES);
    writeBootRecord(image, [{ slot: 1, type: 0x05, startLba: 512, sectorCount: 256 }]);
    image.set(Buffer.from('57455682', 'hex'), 513 * 512);
    writeBootRecord(image, [], 512 * 512);
    expect(codes(read(image))).toEqual([]);
  });

  it('ends with the error if the image cannot be read, wherever that happens', () => {
    const image = makeGpt();
    const memory = new MemoryReader(image);
    for (const badByte of [0, 512, 1024, image.length - 512, image.length - 33 * 512]) {
      const readAt = (startByte: number, lengthBytes: number): Uint8Array => {
        if (badByte < startByte || badByte >= startByte + lengthBytes) {
          return memory.readAt(startByte, lengthBytes);
        }
        throw new SystemError('EIO', 'image', 'input/output error');
      };
      const reader = { sizeBytes: image.length, readAt };
      expect(() => readPartitionTable(reader, { startsFilesystem: () => false })).toThrow(
        SystemError,
      );
    }
  });

  it('reports odd places', () => {
    const image = new Uint8Array(IMAGE_BYTES);
    writeBootRecord(image, [
      { slot: 1, startLba: 600, sectorCount: 9000 },
      { slot: 2, startLba: 500, sectorCount: 200 },
      { slot: 3, startLba: 5000, sectorCount: 1 },
    ]);
    const table = read(image);
    expect(table).toMatchObject({ isTrusted: true });
    expect(codes(table)).toEqual([
      'partition.past-end',
      'partition.past-end',
      'partition.overlap',
      'partition.overlap',
      'partition.order',
    ]);
  });
});
