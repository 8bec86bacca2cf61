import { describe, expect, it } from 'vitest';

import { writeBootRecord, type MbrEntryFields } from '../../test/support/table-image.ts';
import { MemoryReader } from '../image/memory-reader.ts';
import { RangeSet } from '../ranges/range-set.ts';
import { MAX_EBRS, readLogicalPartitions } from './ebr.ts';
import type { Partition, TableParts } from './partition-table.ts';

const IMAGE_BYTES = 4096 * 512;
const START_LBA = 100;
const END_LBA = 1100;

/** EBRs by their sector in the image. */
type Chain = Readonly<Record<number, readonly MbrEntryFields[]>>;

/** An entry for a partition, counted from its EBR, and one that leads on, from sector 100. */
const data = (startLba: number, sectorCount: number, slot = 1): MbrEntryFields => ({
  slot,
  startLba,
  sectorCount,
});
const link = (startLba: number, slot = 2): MbrEntryFields => ({
  slot,
  type: 0x05,
  startLba,
  sectorCount: 10,
});

const GOOD: Chain = {
  100: [data(8, 50), link(200)],
  300: [data(8, 50), link(500)],
  600: [data(8, 50)],
};

function container(startLba: number, endLba: number, number = 1): Partition {
  return {
    number,
    scheme: 'mbr',
    type: '0x05',
    typeName: 'Extended',
    name: '',
    startByte: startLba * 512,
    endByte: endLba * 512,
    isContainer: true,
  };
}

function makeImage(chain: Chain): Uint8Array {
  const image = new Uint8Array(IMAGE_BYTES);
  for (const [lba, entries] of Object.entries(chain)) {
    writeBootRecord(image, entries, Number(lba) * 512);
  }
  return image;
}

function read(image: Uint8Array, containers = [container(START_LBA, END_LBA)]): TableParts {
  return readLogicalPartitions(new MemoryReader(image), containers, 512);
}

function sectors({ partitions }: TableParts): readonly (readonly number[])[] {
  return partitions.map(({ number, startByte, endByte }) => [
    number,
    startByte / 512,
    endByte / 512,
  ]);
}

/** Why the chain broke; empty if it did not, or if anything else was reported. */
function breakage({ findings }: TableParts): string {
  const [finding] = findings;
  return findings.length === 1 && finding?.code === 'ebr.broken-chain' ? finding.text : '';
}

describe('the chain of EBRs', () => {
  it('is followed to its end', () => {
    const parts = read(makeImage(GOOD));
    expect(sectors(parts)).toEqual([
      [5, 108, 158],
      [6, 308, 358],
      [7, 608, 658],
    ]);
    expect(parts.partitions[0]).toMatchObject({ scheme: 'logical', isContainer: false });
    expect(parts.tableRanges.map(({ startByte }) => startByte / 512)).toEqual([100, 300, 600]);
    expect(parts.findings).toEqual([]);
  });

  it('may lead backwards', () => {
    const chain = { 100: [link(500)], 600: [data(8, 50), link(200)], 300: [data(8, 50)] };
    expect(sectors(read(makeImage(chain)))).toEqual([
      [5, 608, 658],
      [6, 308, 358],
    ]);
  });

  it('counts in sectors of 4096 bytes, too', () => {
    const image = new Uint8Array(1024 * 1024);
    writeBootRecord(image, [data(2, 10), link(20)], 16 * 4096);
    writeBootRecord(image, [data(2, 10)], 36 * 4096);
    const extended = { ...container(0, 0), startByte: 16 * 4096, endByte: 100 * 4096 };
    const parts = readLogicalPartitions(new MemoryReader(image), [extended], 4096);
    expect(parts.partitions.map(({ startByte }) => startByte / 4096)).toEqual([18, 38]);
    expect(parts.tableRanges).toEqual([
      { startByte: 16 * 4096, endByte: 17 * 4096 },
      { startByte: 36 * 4096, endByte: 37 * 4096 },
    ]);
  });

  it('goes on in a second extended partition', () => {
    const chain = { ...GOOD, 2000: [data(8, 50)] };
    const parts = read(makeImage(chain), [container(100, 1100), container(2000, 3000, 2)]);
    expect(sectors(parts).at(-1)).toEqual([8, 2008, 2058]);
  });

  it.each([0x05, 0x0f, 0x85])('is linked by type %i', (type) => {
    const chain = { 100: [{ ...link(200), type }], 300: [data(8, 50)] };
    expect(sectors(read(makeImage(chain)))).toEqual([[5, 308, 358]]);
  });

  it('may have two partitions in one EBR, and the link in any slot', () => {
    const chain = { 100: [data(8, 50, 1), data(60, 10, 2), link(200, 4)], 300: [data(8, 50)] };
    expect(sectors(read(makeImage(chain)))).toEqual([
      [5, 108, 158],
      [6, 160, 170],
      [7, 308, 358],
    ]);
  });

  it('has no partitions out of bounds in the third and fourth slot', () => {
    const chain = { 100: [data(8, 50, 3), data(8, 5000, 4)] };
    expect(sectors(read(makeImage(chain)))).toEqual([[5, 108, 158]]);
  });

  it('may name a partition out of bounds in the first two, which is said', () => {
    const parts = read(makeImage({ 100: [data(8, 5000)] }));
    expect(sectors(parts)).toEqual([[5, 108, 5108]]);
    expect(parts.findings).toMatchObject([{ code: 'ebr.logical-outside', startByte: 108 * 512 }]);
  });
});

describe('a broken chain', () => {
  it('keeps what was found, and all of the rest', () => {
    const image = makeImage({ 100: [data(8, 50), link(200)] });
    const parts = read(image);
    expect(sectors(parts)).toEqual([[5, 108, 158]]);
    expect(breakage(parts)).toContain('byte 153600 has no signature');
    expect(RangeSet.of(...parts.tableRanges)).toEqual(
      RangeSet.of(
        { startByte: 100 * 512, endByte: 108 * 512 },
        { startByte: 158 * 512, endByte: 1100 * 512 },
      ),
    );
  });

  it('may be a loop, to any EBR', () => {
    for (const [last, target] of [
      [600, 0],
      [600, 200],
      [600, 500],
    ] as const) {
      const parts = read(makeImage({ ...GOOD, [last]: [data(8, 50), link(target)] }));
      expect(sectors(parts)).toHaveLength(3);
      expect(breakage(parts)).toContain('a loop');
    }
  });

  it('may be a loop through two extended partitions', () => {
    const same = [container(100, 1100), container(100, 1100, 2)];
    expect(breakage(read(makeImage(GOOD), same))).toContain('a loop');
  });

  it('may lead out of the extended partition, or of the image', () => {
    expect(breakage(read(makeImage({ 100: [link(1000)], 1100: [data(8, 50)] })))).toContain(
      'lies outside',
    );
    const far = [container(START_LBA, 5000)];
    expect(breakage(read(makeImage({ 100: [link(4000)] }), far))).toContain(
      'behind the end of the image',
    );
    expect(breakage(read(makeImage({ 100: [link(0xffff_ffff)] }), far))).toContain('lies outside');
    expect(breakage(read(makeImage(GOOD), [container(5000, 6000)]))).toContain(
      'behind the end of the image',
    );
  });

  it('may lead to something else that has the signature', () => {
    const chain = { 100: [link(200)], 300: [{ ...data(8, 50), status: 0x20 }] };
    const parts = read(makeImage(chain));
    expect(sectors(parts)).toEqual([]);
    expect(breakage(parts)).toContain('impossible status');
  });

  it('ends after 1024 EBRs', () => {
    const count = MAX_EBRS + 1;
    const chain: Record<number, MbrEntryFields[]> = {};
    for (let index = 0; index < count; index++) chain[100 + index] = [data(1, 1), link(index + 1)];
    delete chain[100 + count - 1];
    const wide = [container(100, 3000)];
    expect(MAX_EBRS).toBe(1024);
    const parts = read(makeImage({ ...chain, [100 + count - 1]: [data(1, 1)] }), wide);
    expect(parts.partitions).toHaveLength(1024);
    expect(breakage(parts)).toContain('the limit');
    const fitting = read(makeImage({ ...chain, [100 + count - 2]: [data(1, 1)] }), wide);
    expect(fitting.partitions).toHaveLength(1024);
    expect(fitting.findings).toEqual([]);
  });
});
