import { describe, expect, it } from 'vitest';

import { writeBootRecord } from '../../test/support/table-image.ts';
import { MemoryReader } from '../image/memory-reader.ts';
import { findForeignTable, findNestedTable } from './foreign-tables.ts';
import type { Partition } from './partition-table.ts';

const IMAGE_BYTES = 64 * 1024;
const START_BYTE = 16 * 1024;

function imageWith(startByte: number, hex: string): Uint8Array {
  const image = new Uint8Array(IMAGE_BYTES);
  image.set(Buffer.from(hex, 'hex'), startByte);
  return image;
}

function partition(changes: Partial<Partition> = {}): Partition {
  return {
    number: 1,
    scheme: 'mbr',
    type: '0xa5',
    typeName: '',
    name: '',
    startByte: START_BYTE,
    endByte: IMAGE_BYTES,
    isContainer: false,
    ...changes,
  };
}

describe('a foreign table on the whole disk', () => {
  const cases: readonly [string, number, string][] = [
    ['SGI', 0, '0be5a941'],
    ['AIX', 0, 'c9c2d4c1'],
    ['Sun', 508, 'dabe'],
    ['Motorola System V', 0xf8, Buffer.from('MOTOROLA').toString('hex')],
    ['BSD', 64, '57455682'],
    ['BSD', 512, '57455682'],
    ['Windows dynamic disk (LDM)', 3072, Buffer.from('PRIVHEAD').toString('hex')],
    ['Apple', 512, '504d0000'],
    ['Apple', 2048, '504d0000'],
    ['DASD', 8192, 'e5d6d3f1'],
    ['DASD', 1024, 'd3d5e7f1'],
    ['Amiga', 0, Buffer.from('RDSK').toString('hex')],
    ['Amiga', 15 * 512, Buffer.from('RDSK').toString('hex')],
  ];
  it.each(cases)('%s at byte %i', (table, startByte, hex) => {
    expect(findForeignTable(new MemoryReader(imageWith(startByte, hex)))).toBe(table);
  });

  it('is not seen in zeros, next to its place, or in an image too small for it', () => {
    expect(findForeignTable(new MemoryReader(new Uint8Array(IMAGE_BYTES)))).toBeUndefined();
    expect(findForeignTable(new MemoryReader(imageWith(513, '57455682')))).toBeUndefined();
    const amiga = imageWith(16 * 512, Buffer.from('RDSK').toString('hex'));
    expect(findForeignTable(new MemoryReader(amiga))).toBeUndefined();
    for (const length of [0, 1, 3, 511, 513]) {
      expect(findForeignTable(new MemoryReader(new Uint8Array(length)))).toBeUndefined();
    }
    const cut = imageWith(512, '57455682').subarray(0, 515);
    expect(findForeignTable(new MemoryReader(cut))).toBeUndefined();
  });
});

describe('a table inside a partition', () => {
  const cases: readonly [string, number, string][] = [
    ['BSD', START_BYTE + 512, '57455682'],
    ['Solaris', START_BYTE + 524, 'eede0d60'],
    ['UnixWare', START_BYTE + 29 * 512 + 4, '0d605eca'],
  ];
  it.each(cases)('%s at byte %i', (table, startByte, hex) => {
    const reader = new MemoryReader(imageWith(startByte, hex));
    expect(findNestedTable(reader, partition())).toBe(table);
  });

  it('may be that of Minix', () => {
    const image = new Uint8Array(IMAGE_BYTES);
    writeBootRecord(image, [{ slot: 1, type: 0x81, startLba: 40, sectorCount: 8 }], START_BYTE);
    const reader = new MemoryReader(image);
    const minix = partition({ type: '0x81' });
    expect(findNestedTable(reader, minix)).toBe('Minix');
    expect(findNestedTable(reader, partition())).toBeUndefined();
    expect(findNestedTable(reader, { ...minix, endByte: START_BYTE + 511 })).toBeUndefined();
    writeBootRecord(image, [{ slot: 1, startLba: 0, sectorCount: 0 }], START_BYTE);
    expect(findNestedTable(new MemoryReader(image), minix)).toBeUndefined();
  });

  it('is known by the type of partition for Windows pools', () => {
    const reader = new MemoryReader(new Uint8Array(IMAGE_BYTES));
    for (const type of [
      '0x42',
      'AF9B60A0-1431-4F62-BC68-3311714A69AD',
      '5808C8AA-7E8F-42E0-85D2-E1E90434CFB3',
      'E75CAF8F-F680-4CEE-AFA3-B001E56EFC2D',
    ]) {
      expect(findNestedTable(reader, partition({ type }))).toMatch(/^Windows/);
    }
  });

  it('is not looked for behind the end of partition or image', () => {
    const reader = new MemoryReader(imageWith(START_BYTE + 512, '57455682'));
    expect(findNestedTable(reader, partition({ endByte: START_BYTE + 515 }))).toBeUndefined();
    expect(findNestedTable(reader, partition({ endByte: START_BYTE + 100 }))).toBeUndefined();
    expect(findNestedTable(reader, partition({ startByte: IMAGE_BYTES - 100 }))).toBeUndefined();
  });
});
