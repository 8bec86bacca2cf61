import { describe, expect, it } from 'vitest';

import { BLOCK_BYTES } from '../../../../test/support/log-writer.ts';
import { crc32c } from '../../../bytes/crc32c.ts';
import { BmapError } from '../../../errors/errors.ts';
import { MemoryReader } from '../../../image/memory-reader.ts';
import { readFastCommits } from './fast-commit.ts';
import { JournalBlocks } from './journal-blocks.ts';
import type { JournalSuperblock } from './journal-superblock.ts';

const SEQUENCE = 42;
const [ADD_RANGE, DEL_RANGE, CREAT, INODE, PAD, TAIL, HEAD] = [1, 2, 3, 6, 7, 8, 9];

type Record = readonly [tag: number, value: Uint8Array];

function words(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => view.setUint32(index * 4, value, true));
  return bytes;
}

function head(sequence = SEQUENCE, features = 0): Record {
  return [HEAD, words(features, sequence)];
}

/** Inode 12 gets `blockCount` blocks; above 32,768 they are unwritten, and 32,768 fewer. */
function addRange(firstBlock: number, blockCount: number): Record {
  const value = words(12, 0, blockCount, firstBlock);
  new DataView(value.buffer).setUint16(10, Math.floor(firstBlock / 2 ** 32), true);
  return [ADD_RANGE, value];
}

interface Commit {
  readonly records: readonly Record[];
  readonly sequence?: number;
  readonly hasTail?: boolean;
  readonly wrongChecksum?: boolean;
}

/** The blocks of one fast commit. Full blocks end in padding, the last in the tail. */
function write({ records, sequence = SEQUENCE, hasTail = true, wrongChecksum }: Commit) {
  const blocks: Uint8Array[] = [];
  let block = new Uint8Array(BLOCK_BYTES);
  let at = 0;
  let checksum = 0;
  const put = (tag: number, value: Uint8Array, length = value.length): void => {
    const view = new DataView(block.buffer);
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, length, true);
    block.set(value, at + 4);
    at += 4 + length;
  };
  const sum = (from: number, to: number): void =>
    void (checksum = crc32c(checksum, block, from, to));
  for (const [tag, value] of records) {
    // Room for a tail must stay.
    if (at + 4 + value.length + 12 > BLOCK_BYTES) {
      const from = at;
      put(PAD, new Uint8Array(0), BLOCK_BYTES - at - 4);
      sum(from, BLOCK_BYTES);
      blocks.push(block);
      [block, at] = [new Uint8Array(BLOCK_BYTES), 0];
    }
    const from = at;
    put(tag, value);
    sum(from, at);
  }
  if (hasTail) {
    const from = at;
    put(TAIL, words(sequence, 0), BLOCK_BYTES - at - 4);
    sum(from, from + 8);
    const value = (checksum ^ (wrongChecksum === true ? 1 : 0)) >>> 0;
    new DataView(block.buffer).setUint32(from + 8, value, true);
  }
  return [...blocks, block];
}

/** What fast commits in an area of some blocks more than these add, as `first+count`. */
function read(...blocks: readonly Uint8Array[]): readonly string[] {
  const blockCount = blocks.length + 10;
  const area = new Uint8Array(blockCount * BLOCK_BYTES);
  blocks.forEach((block, index) => area.set(block, index * BLOCK_BYTES));
  const run = { logicalBlock: 0, firstBlock: 0, blockCount };
  const journal = new JournalBlocks(new MemoryReader(area), BLOCK_BYTES, blockCount, [run]);
  const superblock = { fastCommitStart: 0, fastCommitEnd: blockCount } as JournalSuperblock;
  return readFastCommits(journal, superblock, SEQUENCE).map(
    ({ firstBlock, blockCount: count }) => `${firstBlock}+${count}`,
  );
}

function faultOf(...blocks: readonly Uint8Array[]): string {
  try {
    read(...blocks);
  } catch (error) {
    if (error instanceof BmapError) return error.kind;
    throw error;
  }
  return 'none';
}

const first = write({ records: [head(), addRange(1000, 5)] });
const second = write({ records: [addRange(2000, 7)] });

describe('fast commits', () => {
  it('add the ranges of all complete commits', () => {
    expect(read(...first, ...second)).toEqual(['1000+5', '2000+7']);
  });

  it('add nothing if there are none', () => {
    expect(read()).toEqual([]);
  });

  it('may go over several blocks, and hold records of other kinds', () => {
    const others: Record[] = [
      [DEL_RANGE, words(12, 0, 1)],
      [CREAT, new Uint8Array(8 + 255)],
      [INODE, new Uint8Array(4 + 256)],
    ];
    const records = Array.from({ length: 9 }, (_, index) => [addRange(100 * index, 1), ...others]);
    const blocks = write({ records: [head(), ...records.flat()] });
    expect(blocks.length).toBeGreaterThan(4);
    expect(read(...blocks)).toHaveLength(9);
  });

  it('count unwritten blocks, and blocks above 2^32', () => {
    const records = [head(), addRange(1000, 32768 + 3), addRange(2 ** 33 + 1, 32768)];
    expect(read(...write({ records }))).toEqual(['1000+3', `${2 ** 33 + 1}+32768`]);
  });

  it('may add more ranges than a call has room for arguments', () => {
    const ranges = Array.from({ length: 200_000 }, (_, index) => addRange(index + 1, 1));
    expect(read(...write({ records: [head(), ...ranges] }))).toHaveLength(200_000);
  });

  it('end where a commit is not complete', () => {
    const torn = write({ records: [addRange(3000, 1)], hasTail: false });
    expect(read(...first, ...torn)).toEqual(['1000+5']);
    expect(read(...write({ records: [head(), addRange(1, 1)], hasTail: false }))).toEqual([]);
  });

  it('end where an older transaction begins', () => {
    const stale = write({ records: [addRange(3000, 1)], sequence: SEQUENCE - 1 });
    expect(read(...first, ...stale)).toEqual(['1000+5']);
    expect(read(...write({ records: [head(SEQUENCE - 1), addRange(1, 1)] }))).toEqual([]);
  });
});

describe('fast commits are refused', () => {
  const bad = 'bad-fast-commit';
  const unknown = 'unknown-fast-commit';
  it.each<[string, readonly Uint8Array[]]>([
    [bad, write({ records: [head(), addRange(1, 1)], wrongChecksum: true })],
    [bad, [...first, ...write({ records: [addRange(1, 1)], wrongChecksum: true })]],
    [unknown, write({ records: [head(), [10, words(1)]] })],
    [unknown, [...first, ...write({ records: [[10, words(1)]] })]],
    [unknown, write({ records: [head(SEQUENCE, 1), addRange(1, 1)] })],
    [unknown, write({ records: [addRange(1, 1)] })],
    [unknown, write({ records: [head(), [ADD_RANGE, words(1, 2, 3)]] })],
    [unknown, write({ records: [head(), [CREAT, new Uint8Array(8)]] })],
    [unknown, write({ records: [head(), [INODE, new Uint8Array(100)]] })],
    [unknown, [new Uint8Array(BLOCK_BYTES).fill(0x5a)]],
  ])('as %s: case %#', (kind, blocks) => {
    expect(faultOf(...blocks)).toBe(kind);
  });

  it('for a record that is longer than its block', () => {
    const [block] = write({ records: [head()] });
    new DataView(block!.buffer).setUint16(14, BLOCK_BYTES, true);
    expect(faultOf(block!)).toBe(unknown);
  });
});
