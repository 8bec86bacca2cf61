import { describe, expect, it } from 'vitest';

import { crc32c } from '../../bytes/crc32c.ts';
import { encodeInto } from '../../bytes/layout.ts';
import { CorruptError } from '../../errors/errors.ts';
import { MemoryReader } from '../../image/memory-reader.ts';
import { extentHeaderLayout } from './extent-tree.ts';
import { readFileBlocks } from './file-blocks.ts';
import type { FileInode } from './inode.ts';
import type { FileBlocks } from './map-walk.ts';
import type { Superblock } from './superblock.ts';

const BLOCK_BYTES = 1024;
const BLOCK_COUNT = 500;
const SEED = 0x1234;

/** A disk of 500 blocks, and the inode of the file in question. */
class Disk {
  readonly bytes = new Uint8Array(BLOCK_BYTES * BLOCK_COUNT);
  readonly root = new Uint8Array(60);

  at(block: number): Uint8Array {
    return this.bytes.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES);
  }

  read(usesExtents: boolean, blocksOfFile = 100_000): FileBlocks {
    const superblock = {
      blockBytes: BLOCK_BYTES,
      blockCount: BLOCK_COUNT,
      firstDataBlock: 1,
      checksumKind: 'crc32c',
    } as Superblock;
    const inode: FileInode = {
      number: 8,
      sizeBytes: blocksOfFile * BLOCK_BYTES,
      blockField: this.root,
      usesExtents,
      checksumSeed: SEED,
    };
    return readFileBlocks(new MemoryReader(this.bytes), superblock, inode);
  }

  faultOf(usesExtents: boolean): string {
    try {
      this.read(usesExtents);
    } catch (error) {
      if (error instanceof CorruptError) return error.message;
      throw error;
    }
    return 'none';
  }
}

type Entry = readonly [logicalBlock: number, block: number, length?: number];

/** Writes a node of an extent tree, with its checksum where there is room for one. */
function writeNode(node: Uint8Array, depth: number, entries: readonly Entry[]): void {
  const max = Math.floor((node.length - 12) / 12);
  const header = { eh_magic: 0xf30a, eh_entries: entries.length, eh_max: max, eh_depth: depth };
  encodeInto(extentHeaderLayout, node, header);
  const view = new DataView(node.buffer, node.byteOffset, node.length);
  entries.forEach(([logicalBlock, block, length = 0], index) => {
    const at = 12 * (index + 1);
    view.setUint32(at, logicalBlock, true);
    if (depth === 0) view.setUint16(at + 4, length, true);
    view.setUint32(at + (depth === 0 ? 8 : 4), block, true);
  });
  const end = 12 * (max + 1);
  if (end + 4 <= node.length) view.setUint32(end, crc32c(SEED, node, 0, end), true);
}

describe('an extent tree', () => {
  it('may lie in the inode alone, with unwritten runs and holes', () => {
    const disk = new Disk();
    writeNode(disk.root, 0, [
      [0, 50, 10],
      [10, 60, 32768 + 5],
      [100, 90, 1],
    ]);
    expect(disk.read(true)).toMatchObject({
      runs: [
        { logicalBlock: 0, firstBlock: 50, blockCount: 15 },
        { logicalBlock: 100, firstBlock: 90, blockCount: 1 },
      ],
      mapBlocks: [],
    });
  });

  it('may have levels', () => {
    const disk = new Disk();
    writeNode(disk.root, 2, [[0, 20]]);
    writeNode(disk.at(20), 1, [
      [0, 21],
      [10, 22],
    ]);
    writeNode(disk.at(21), 0, [[0, 50, 10]]);
    writeNode(disk.at(22), 0, [[10, 100, 5]]);
    expect(disk.read(true)).toMatchObject({
      runs: [{ firstBlock: 50 }, { firstBlock: 100 }],
      mapBlocks: [20, 21, 22],
    });
  });

  it.each<[string, (disk: Disk) => void]>([
    ['impossible header', ({ root }) => root.fill(0, 0, 2)],
    ['impossible header', ({ root }) => root.set([5], 2)],
    ['impossible header', ({ root }) => root.set([9], 4)],
    ['impossible header', ({ root }) => root.set([6], 6)],
    ['impossible header', (disk) => writeNode(disk.at(20), 1, [[0, 21]])],
    ['checksum', (disk) => void (disk.at(20)[500]! ^= 1)],
    ['no blocks', (disk) => writeNode(disk.at(20), 0, [[0, 50, 0]])],
    ['outside', (disk) => writeNode(disk.at(20), 0, [[0, 495, 6]])],
    ['outside', (disk) => writeNode(disk.at(20), 0, [[0, 1, 1]])],
    [
      'of the file twice',
      (disk) =>
        writeNode(disk.at(20), 0, [
          [0, 50, 5],
          [4, 60, 1],
        ]),
    ],
    ['outside', ({ root }) => writeNode(root, 1, [[0, 500]])],
    [
      'block 20 twice',
      ({ root }) =>
        writeNode(root, 1, [
          [0, 20],
          [10, 20],
        ]),
    ],
  ])('is refused: %s', (message, damage) => {
    const disk = new Disk();
    writeNode(disk.root, 1, [[0, 20]]);
    writeNode(disk.at(20), 0, [[0, 50, 5]]);
    expect(disk.faultOf(true)).toBe('none');
    damage(disk);
    expect(disk.faultOf(true)).toContain(message);
  });
});

/** Writes block numbers at their places. */
function numbers(bytes: Uint8Array, entries: Readonly<Record<number, number>>): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (const [index, block] of Object.entries(entries)) {
    view.setUint32(Number(index) * 4, block, true);
  }
}

describe('a block map', () => {
  it('has direct blocks and three levels of others', () => {
    const disk = new Disk();
    numbers(disk.root, { 0: 50, 1: 51, 11: 60, 12: 20, 13: 21, 14: 22 });
    numbers(disk.at(20), { 0: 61, 255: 70 });
    numbers(disk.at(21), { 1: 23 });
    numbers(disk.at(23), { 3: 80 });
    numbers(disk.at(22), { 0: 24 });
    numbers(disk.at(24), { 0: 25 });
    numbers(disk.at(25), { 0: 90 });
    const { runs, mapBlocks } = disk.read(false);
    expect(runs).toEqual([
      { logicalBlock: 0, firstBlock: 50, blockCount: 2 },
      { logicalBlock: 11, firstBlock: 60, blockCount: 2 },
      { logicalBlock: 12 + 255, firstBlock: 70, blockCount: 1 },
      { logicalBlock: 12 + 256 + 256 + 3, firstBlock: 80, blockCount: 1 },
      { logicalBlock: 12 + 256 + 65536, firstBlock: 90, blockCount: 1 },
    ]);
    expect(mapBlocks).toEqual([20, 21, 23, 22, 24, 25]);
  });

  it('ends with the size of the file', () => {
    const disk = new Disk();
    numbers(disk.root, { 0: 50, 1: 51, 2: 52, 12: 20 });
    expect(disk.read(false, 2)).toMatchObject({ runs: [{ blockCount: 2 }], mapBlocks: [] });
  });

  it.each<[string, Readonly<Record<number, number>>]>([
    ['outside', { 0: 500 }],
    ['outside', { 12: 4_000_000 }],
    ['block 20 twice', { 12: 20, 13: 20 }],
  ])('is refused: %s', (message, entries) => {
    const disk = new Disk();
    numbers(disk.root, entries);
    expect(disk.faultOf(false)).toContain(message);
  });

  it('in more pieces than memory has room for is refused', () => {
    const entriesOf = (block: number): number[] =>
      Array.from({ length: 256 }, (_, index) => {
        if (block === 20) return 1000 + index;
        return block < 2000 ? 10_000 + block * 256 + index : 100 + 100 * (index % 2);
      });
    const reader = {
      sizeBytes: 2 ** 40,
      readAt: (startByte: number): Uint8Array =>
        new Uint8Array(Uint32Array.from(entriesOf(startByte / BLOCK_BYTES)).buffer),
    };
    const root = new Uint8Array(60);
    numbers(root, { 14: 20 });
    const superblock = { blockBytes: BLOCK_BYTES, blockCount: 2 ** 30, firstDataBlock: 1 };
    const inode = { number: 8, sizeBytes: 2 ** 40, blockField: root, usesExtents: false };
    expect(() =>
      readFileBlocks(reader, superblock as Superblock, { ...inode, checksumSeed: SEED }),
    ).toThrow('more than 1048576 pieces');
  });

  it('that leads back to itself is refused', () => {
    const disk = new Disk();
    numbers(disk.root, { 14: 20 });
    numbers(disk.at(20), { 0: 20 });
    expect(disk.faultOf(false)).toContain('block 20 twice');
  });
});
