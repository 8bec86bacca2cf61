import { describe, expect, it } from 'vitest';

import { encodeInto } from '../../bytes/layout.ts';
import { WindowReader } from '../../image/window-reader.ts';
import {
  clusterByte,
  clustersOf,
  corruptKind,
  makeFatImage,
  makeSubdirectory,
  memoryVolume,
  scanBytes,
  scanFat,
  setDirectoryEntry,
  setEntries,
  usedClusters,
  type FatImage,
} from '../../../test/support/fat-image.ts';
import { biosParameterLayout, fat16TailLayout, fat32TailLayout } from './boot-sector.ts';
import { fatProbe } from './fat-probe.ts';

const END = { 12: 0xfff, 16: 0xffff, 32: 0x0fffffff };
const SHAPES = [
  { bits: 12, clusterCount: 100 },
  { bits: 16, clusterCount: 5000 },
  { bits: 32, clusterCount: 70_000 },
] as const;

describe.each(SHAPES)('FAT$bits', ({ bits, clusterCount }) => {
  /** FAT32 keeps its root directory in cluster 2. */
  const root = bits === 32 ? [2] : [];

  it('is named with its label and serial number', () => {
    const claim = fatProbe.identify(memoryVolume(makeFatImage({ bits, clusterCount }).bytes));
    expect(claim).toMatchObject({ type: `FAT${bits}`, label: 'TEST VOLUME', uuid: '1234-ABCD' });
  });

  it('uses everything in front of the clusters, and no cluster when empty', () => {
    const image = makeFatImage({ bits, clusterCount });
    const { used, kinds, facts } = scanBytes(image);
    expect(facts.state).toBe('clean');
    expect(used.covers(0, image.dataStartByte)).toBe(true);
    expect(kinds.get('boot')).toEqual(
      expect.objectContaining({ lengthBytes: image.fatStartByte }) as unknown,
    );
    expect(usedClusters(image, used)).toEqual(root);
  });

  it('uses what has an entry: first, odd, even and last cluster', () => {
    const image = makeFatImage({ bits, clusterCount });
    const last = clusterCount + 1;
    setEntries(image, { 3: END[bits], 6: 7, 7: END[bits], [last]: END[bits] });
    expect(clustersOf(image)).toEqual([...root, 3, 6, 7, last]);
  });

  it('uses what any copy of the table calls used, and warns with the place', () => {
    const image = makeFatImage({ bits, clusterCount });
    setEntries(image, { 10: END[bits] }, 0);
    setEntries(image, { 20: END[bits] }, 1);
    const { used, findings } = scanBytes(image);
    expect(usedClusters(image, used)).toEqual([...root, 10, 20]);
    expect(findings).toEqual([
      expect.objectContaining({
        code: 'fat.copies-differ',
        startByte: image.fatStartByte + image.fatBytes + Math.floor((10 * bits) / 8),
      }),
    ]);
  });

  it('maps bad clusters as such', () => {
    const image = makeFatImage({ bits, clusterCount });
    setEntries(image, { 30: END[bits] - 8 });
    const { kinds, findings } = scanBytes(image);
    expect([...kinds.get('bad')!]).toEqual([
      { startByte: clusterByte(image, 30), endByte: clusterByte(image, 31) },
    ]);
    expect(findings.map(({ code }) => code)).toEqual(['fat.bad-clusters']);
  });

  it('uses the cluster that a chain leads to, though its own entry is zero', () => {
    const image = makeFatImage({ bits, clusterCount });
    setEntries(image, { 40: 41, 50: 60 });
    expect(clustersOf(image)).toEqual([...root, 40, 41, 50, 60]);
  });

  it('uses the sectors behind the last whole cluster', () => {
    const image = makeFatImage({ bits, clusterCount, sectorsPerCluster: 4, tailSectors: 3 });
    const { kinds } = scanBytes(image);
    const { length } = image.bytes;
    expect([...kinds.get('reserved')!]).toEqual([{ startByte: length - 3 * 512, endByte: length }]);
  });

  it('ignores entries behind the last cluster', () => {
    const fatSectors = Math.ceil(((clusterCount + 2) * bits) / 8 / 512) + 2;
    const image = makeFatImage({ bits, clusterCount, fatSectors });
    setEntries(image, { [clusterCount + 2]: END[bits], [clusterCount + 9]: END[bits] });
    expect(clustersOf(image)).toEqual(root);
  });

  it('uses clusters that the table has no room for, and warns', () => {
    const fatSectors = Math.ceil(((clusterCount + 2) * bits) / 8 / 512) - 1;
    // A table of zero sectors would be no table.
    if (fatSectors === 0) return;
    const image = makeFatImage({ bits, clusterCount, fatSectors });
    const known = (fatSectors * 512 * 8) / bits;
    const { used, findings } = scanBytes(image);
    expect(used.covers(clusterByte(image, Math.floor(known)), image.bytes.length)).toBe(true);
    expect(used.intersects(clusterByte(image, 3), clusterByte(image, Math.floor(known)))).toBe(
      false,
    );
    expect(findings.map(({ code }) => code)).toEqual(['fat.table-too-small']);
  });

  it.each([1, 2, 3, 4])('reads %i copies of the table', (fatCount) => {
    const image = makeFatImage({ bits, clusterCount, fatCount });
    setEntries(image, { 9: END[bits] }, fatCount - 1);
    expect(clustersOf(image)).toEqual([...root, 9]);
  });

  it.each([512, 1024, 2048, 4096])('reads sectors of %i bytes', (sectorBytes) => {
    const image = makeFatImage({ bits, clusterCount, sectorBytes });
    setEntries(image, { 9: END[bits] });
    expect(clustersOf(image)).toEqual([...root, 9]);
  });

  it('is mapped whole when it is cut', () => {
    const { bytes } = makeFatImage({ bits, clusterCount });
    const volume = memoryVolume(bytes);
    const reader = new WindowReader(volume.reader, 0, bytes.length - 512);
    expect(() => scanFat({ ...volume, reader })).toThrow(
      expect.objectContaining({ kind: 'truncated' }),
    );
  });

  it.each([
    ['bytes-per-sector', { BPB_BytsPerSec: 511 }],
    ['sectors-per-cluster', { BPB_SecPerClus: 3 }],
    ['reserved-sectors', { BPB_RsvdSecCnt: 0 }],
    ['table-count', { BPB_NumFATs: 0 }],
    ['table-count', { BPB_NumFATs: 5 }],
    ['media-byte', { BPB_Media: 0xf1 }],
    ['total-sectors', { BPB_TotSec16: 0, BPB_TotSec32: 4 }],
  ])('names what is wrong: %s', (kind, change) => {
    const image = makeFatImage({ bits, clusterCount });
    image.bytes.set(new TextEncoder().encode(`FAT${bits}   `), bits === 32 ? 0x52 : 0x36);
    encodeInto(biosParameterLayout, image.bytes, change);
    expect(corruptKind(image)).toBe(kind);
  });

  it('does not believe positions when the media entry is missing in all copies', () => {
    const image = makeFatImage({ bits, clusterCount });
    image.bytes.set(new TextEncoder().encode(`FAT${bits}   `), bits === 32 ? 0x52 : 0x36);
    setEntries(image, { 0: 0 });
    expect(corruptKind(image)).toBe('media-entry');
  });
});

describe('FAT32', () => {
  it('counts an entry with only its topmost bits set as used', () => {
    const image = makeFatImage({ bits: 32, clusterCount: 70_000 });
    setEntries(image, { 77: 0x1000_0000 });
    expect(clustersOf(image)).toEqual([2, 77]);
  });

  it('is told by its table size field, however few clusters it has', () => {
    const image = makeFatImage({ bits: 32, clusterCount: 300 });
    expect(fatProbe.identify(memoryVolume(image.bytes))?.type).toBe('FAT32');
    expect(clustersOf(image)).toEqual([2]);
  });

  it('reads past the first chunk, with a chain across its end', () => {
    const image = makeFatImage({ bits: 32, clusterCount: 600_000 });
    setEntries(image, { 262_143: 262_144, 524_287: END[32], 524_288: 524_289 });
    expect(clustersOf(image)).toEqual([2, 262_143, 262_144, 524_287, 524_288, 524_289]);
  });

  it('believes neither boot sector when the backup puts things elsewhere', () => {
    const image = makeFatImage({ bits: 32, clusterCount: 70_000 });
    encodeInto(biosParameterLayout, image.bytes, { BPB_SecPerClus: 2 }, 6 * 512);
    expect(corruptKind(image)).toBe('backup-differs');
  });

  it('reads a damaged copy of the table only where the backup confirms the positions', () => {
    const image = makeFatImage({ bits: 32, clusterCount: 70_000 });
    setEntries(image, { 5: END[32] });
    setEntries(image, { 0: 0, 5: 0 }, 1);
    expect(clustersOf(image)).toEqual([2, 5]);
    encodeInto(fat32TailLayout, image.bytes, { BPB_BkBootSec: 0 });
    expect(corruptKind(image)).toBe('media-entry');
  });

  it.each([
    ['root-cluster', { BPB_RootClus: 1 }],
    ['root-cluster', { BPB_RootClus: 70_002 }],
    ['table-size', { BPB_FATSz32: 0 }],
  ])('names what is wrong: %s', (kind, change) => {
    const image = makeFatImage({ bits: 32, clusterCount: 70_000 });
    image.bytes.set(new TextEncoder().encode('FAT32   '), 0x52);
    encodeInto(fat32TailLayout, image.bytes, change);
    expect(corruptKind(image)).toBe(kind);
  });

  it('does not read a later version, nor BitLocker To Go', () => {
    const later = makeFatImage({ bits: 32, clusterCount: 70_000 });
    later.bytes.set(new TextEncoder().encode('FAT32   '), 0x52);
    encodeInto(fat32TailLayout, later.bytes, { BPB_FSVer: 0x0100 });
    expect(() => scanBytes(later)).toThrow(expect.objectContaining({ kind: 'fat32-version' }));
    const locked = makeFatImage({ bits: 32, clusterCount: 70_000 });
    locked.bytes.set(new TextEncoder().encode('FAT32   '), 0x52);
    locked.bytes.set(Buffer.from('3bd66749292ed84a8399f6a339e3d001', 'hex'), 0x1a8);
    expect(() => scanBytes(locked)).toThrow(expect.objectContaining({ kind: 'bitlocker-to-go' }));
  });
});

describe('between FAT12 and FAT16', () => {
  it.each([
    [4079, 16, 'FAT12', [3, 5]],
    [4080, 16, 'FAT12', [2, 3, 4, 5, 255]],
    [4084, 16, 'FAT12', [2, 3, 4, 5, 255]],
    [4084, 12, 'FAT12', [3, 5]],
    [4085, 16, 'FAT16', [2, 3, 4, 5, 15, 255, 4080]],
    [4100, 16, 'FAT16', [2, 3, 4, 5, 15, 255, 4080, 4095]],
    [4101, 16, 'FAT16', [2, 3]],
  ] as const)(
    '%i clusters, table for %i bits: %s, uses %j',
    (clusterCount, roomBits, type, expected) => {
      const bits = type === 'FAT12' ? 12 : 16;
      const fatSectors = Math.ceil(((clusterCount + 2) * roomBits) / 8 / 512);
      const image = makeFatImage({ bits, clusterCount, fatSectors });
      // Read with 16 bits, the table makes 2, 3 and 4 used, and 4 leads to 255.
      if (bits === 12) setEntries(image, { 3: 0xfff, 5: 0xfff });
      // Read with 12 bits, the table makes 2 to 5 used, and they lead to the higher ones.
      else setEntries(image, { 2: 0xfff0, 3: 0xfff0 });
      expect(fatProbe.identify(memoryVolume(image.bytes))?.type).toBe(type);
      expect(clustersOf(image)).toEqual(expected);
    },
  );

  it('reads a disk without the PC signature both ways', () => {
    const image = makeFatImage({ bits: 16, clusterCount: 5000 });
    encodeInto(biosParameterLayout, image.bytes, { signature: 0 });
    expect(fatProbe.identify(memoryVolume(image.bytes))?.type).toBe('FAT16');
    const atari = makeFatImage({ bits: 12, clusterCount: 1000, fatSectors: 4 });
    encodeInto(biosParameterLayout, atari.bytes, { signature: 0 });
    new DataView(atari.bytes.buffer).setUint16(atari.fatStartByte + 500 * 2, 0xffff, true);
    expect(clustersOf(atari)).toContain(500);
  });

  it('refuses a root directory that ends inside of a sector', () => {
    const image = makeFatImage({ bits: 16, clusterCount: 5000, sectorBytes: 1024 });
    image.bytes.set(new TextEncoder().encode('FAT16   '), 0x36);
    encodeInto(biosParameterLayout, image.bytes, { BPB_RootEntCnt: 528 });
    expect(() => scanBytes(image)).toThrow(expect.objectContaining({ kind: 'uneven-root' }));
  });

  it('refuses more clusters than 16 bits can number', () => {
    const image = makeFatImage({ bits: 16, clusterCount: 65_525 });
    image.bytes.set(new TextEncoder().encode('FAT16   '), 0x36);
    expect(corruptKind(image)).toBe('cluster-count');
    expect(corruptKind(makeFatImage({ bits: 16, clusterCount: 65_524 }))).toBe('none');
  });
});

function dirtyImage(): FatImage {
  const image = makeFatImage({ bits: 16, clusterCount: 5000 });
  setEntries(image, { 1: 0x7fff });
  return image;
}

describe('a volume that was not unmounted', () => {
  it.each([
    [
      'mark in the boot sector',
      12,
      (image: FatImage) => encodeInto(fat16TailLayout, image.bytes, { BS_Reserved1: 1 }),
    ],
    [
      'mark in the boot sector',
      32,
      (image: FatImage) => encodeInto(fat32TailLayout, image.bytes, { BS_Reserved1: 1 }),
    ],
    ['entry 1, not unmounted', 16, (image: FatImage) => setEntries(image, { 1: 0x7fff })],
    ['entry 1, errors', 16, (image: FatImage) => setEntries(image, { 1: 0xbfff })],
    ['entry 1 of one copy', 16, (image: FatImage) => setEntries(image, { 1: 0x7fff }, 1)],
    ['entry 1, not unmounted', 32, (image: FatImage) => setEntries(image, { 1: 0x07ffffff })],
    ['entry 1, errors', 32, (image: FatImage) => setEntries(image, { 1: 0x0bffffff })],
  ] as const)('is known by %s (FAT%i)', (_, bits, mark) => {
    const image = makeFatImage({ bits, clusterCount: bits === 12 ? 100 : 5000 });
    expect(scanBytes(image).facts.state).toBe('clean');
    mark(image);
    const { facts, findings } = scanBytes(image);
    expect(facts.state).toBe('dirty');
    expect(findings.map(({ code }) => code)).toContain('fat.dirty');
  });

  it('uses the first cluster of every entry, in subdirectories too', () => {
    const image = dirtyImage();
    const { rootStartByte } = image;
    setDirectoryEntry(image, rootStartByte, 0, {
      name: 'TEST       ',
      attributes: 0x08,
      firstCluster: 99,
    });
    setDirectoryEntry(image, rootStartByte, 1, {
      name: 'A       TXT',
      attributes: 0x20,
      firstCluster: 100,
    });
    setDirectoryEntry(image, rootStartByte, 2, {
      name: '\u0005LD     TXT',
      attributes: 0x20,
      firstCluster: 101,
    });
    image.bytes[rootStartByte + 2 * 32] = 0xe5;
    setDirectoryEntry(image, rootStartByte, 4, {
      name: 'SUB        ',
      attributes: 0x10,
      firstCluster: 200,
    });
    setEntries(image, { 200: 210, 210: 0xffff });
    setDirectoryEntry(image, clusterByte(image, 200), 0, {
      name: '.          ',
      attributes: 0x10,
      firstCluster: 200,
    });
    setDirectoryEntry(image, clusterByte(image, 200), 1, {
      name: '..         ',
      attributes: 0x10,
      firstCluster: 0,
    });
    setDirectoryEntry(image, clusterByte(image, 210), 3, {
      name: 'B       TXT',
      attributes: 0x20,
      firstCluster: 300,
    });
    setDirectoryEntry(image, clusterByte(image, 210), 4, {
      name: 'OUTSIDE TXT',
      attributes: 0x20,
      firstCluster: 6000,
    });
    const { used, kinds } = scanBytes(image);
    expect(usedClusters(image, used)).toEqual([100, 200, 210, 300]);
    expect(kinds.get('directory')!.covers(clusterByte(image, 210), clusterByte(image, 211))).toBe(
      true,
    );
    // On a clean volume such files contradict the table.
    setEntries(image, { 1: 0xffff });
    expect(corruptKind(image)).toBe('geometry');
  });

  it('starts at the root cluster of FAT32 and takes both halves of a cluster number', () => {
    const image = makeFatImage({ bits: 32, clusterCount: 70_000 });
    setEntries(image, { 1: 0x07ffffff });
    setDirectoryEntry(image, image.dataStartByte, 0, {
      name: 'A       TXT',
      attributes: 0x20,
      firstCluster: 69_000,
    });
    expect(clustersOf(image)).toEqual([2, 69_000]);
  });

  it('is mapped whole if a directory lies outside or breaks off, and ends on a loop', () => {
    const image = dirtyImage();
    const directory = { name: 'SUB        ', attributes: 0x10 };
    setDirectoryEntry(image, image.rootStartByte, 0, { ...directory, firstCluster: 300 });
    makeSubdirectory(image, 300);
    setEntries(image, { 300: 301 });
    expect(corruptKind(image)).toBe('directory-chain');
    setEntries(image, { 301: 300 });
    setDirectoryEntry(image, clusterByte(image, 301), 0, { ...directory, firstCluster: 300 });
    expect(clustersOf(image)).toEqual([300, 301]);
    // One copy that knows the end is enough.
    setEntries(image, { 301: 0xffff }, 1);
    setEntries(image, { 301: 0 }, 0);
    expect(clustersOf(image)).toEqual([300, 301]);
    setDirectoryEntry(image, clusterByte(image, 301), 0, { ...directory, firstCluster: 5002 });
    expect(corruptKind(image)).toBe('directory-chain');
  });
});
