import { describe, expect, it } from 'vitest';

import { RangeSet } from '../../ranges/range-set.ts';
import { DATA, type Chunk } from './chunk-item.ts';
import { ChunkMap } from './chunk-map.ts';
import { profileOf } from './raid-profile.ts';

function chunk(logicalByte: number, lengthBytes: number, startByte: number, device = 'a'): Chunk {
  return {
    logicalByte,
    lengthBytes,
    contents: DATA,
    profile: profileOf(DATA)!,
    stripes: [{ devid: 1, deviceUuid: device, startByte }],
    stripeLengthBytes: lengthBytes,
  };
}

const [low, high] = [chunk(1000, 500, 0), chunk(2000, 100, 500)];
const map = new ChunkMap([high, low]);

describe('ChunkMap', () => {
  it('finds the chunk that holds an address, edges included', () => {
    expect([999, 1000, 1499, 1500, 1999, 2000, 2099, 2100].map((at) => map.find(at))).toEqual([
      undefined,
      low,
      low,
      undefined,
      undefined,
      high,
      high,
      undefined,
    ]);
  });

  it('cuts a set at chunks', () => {
    const touching = new ChunkMap([low, chunk(1500, 10, 700)]);
    const set = RangeSet.of({ startByte: 1100, endByte: 1200 }, { startByte: 1400, endByte: 1505 });
    expect(
      [...touching.parts(set)].map(({ chunk: { logicalByte }, ...part }) => [logicalByte, part]),
    ).toEqual([
      [1000, { startByte: 100, endByte: 200 }],
      [1000, { startByte: 400, endByte: 500 }],
      [1500, { startByte: 0, endByte: 5 }],
    ]);
  });

  it.each([
    ['before all chunks', 0, 10],
    ['between chunks', 1500, 1501],
    ['across the end of one', 1400, 1501],
    ['behind all chunks', 2100, 2101],
  ])('refuses a set %s', (_title, startByte, endByte) => {
    expect(() => [...map.parts(RangeSet.of({ startByte, endByte }))]).toThrow(/no chunk holds/);
  });

  it('refuses chunks that overlap', () => {
    expect(() => new ChunkMap([low, chunk(1499, 10, 5000)])).toThrow(/logical address 1499/);
    expect(() => new ChunkMap([low, chunk(1000, 500, 5000)])).toThrow(/logical address 1000/);
    expect(() => new ChunkMap([low, chunk(3000, 10, 499)])).toThrow(/byte 499 of device a/);
    expect(() => new ChunkMap([low, chunk(3000, 10, 499, 'b')])).not.toThrow();
  });
});
