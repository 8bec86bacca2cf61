import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { RangeSet } from '../ranges/range-set.ts';
import { countBlocks, findBmapFault, toBlockRanges, toByteRanges, type Bmap } from './bmap.ts';

const good: Bmap = {
  version: '2.0',
  imageSizeBytes: 20481,
  blockSizeBytes: 4096,
  blockCount: 6,
  mappedBlockCount: 3,
  ranges: [
    { firstBlock: 0, lastBlock: 1, checksum: 'ab' },
    { firstBlock: 5, lastBlock: 5 },
  ],
};

describe('findBmapFault', () => {
  it('finds none in a good map', () => {
    expect(findBmapFault(good)).toBeUndefined();
  });

  it.each([
    ['image-size', { imageSizeBytes: 0 }],
    ['image-size', { imageSizeBytes: 1.5 }],
    ['block-size', { blockSizeBytes: -1 }],
    ['block-count', { blockCount: 5 }],
    ['mapped-block-count', { mappedBlockCount: 4 }],
    ['range-number', { ranges: [{ firstBlock: 0.5, lastBlock: 1 }] }],
    ['range-number', { ranges: [{ firstBlock: -1, lastBlock: 1 }] }],
    ['range-reversed', { ranges: [{ firstBlock: 2, lastBlock: 1 }] }],
    ['range-past-end', { ranges: [{ firstBlock: 5, lastBlock: 6 }] }],
    ['range-checksum', { ranges: [{ firstBlock: 5, lastBlock: 5, checksum: '">' }] }],
    ['range-order', { ranges: [good.ranges[1]!, good.ranges[0]!] }],
    ['range-order', { ranges: [good.ranges[0]!, { firstBlock: 1, lastBlock: 1 }] }],
  ])('%s: %j', (kind, change) => {
    expect(findBmapFault({ ...good, ...change })).toMatchObject({ kind });
  });
});

describe('conversion', () => {
  it('cuts the last block at the end of the image', () => {
    expect([...toByteRanges(good)]).toEqual([
      { startByte: 0, endByte: 8192 },
      { startByte: 20480, endByte: 20481 },
    ]);
  });

  it('counts a short last block whole', () => {
    const ranges = RangeSet.of({ startByte: 4096, endByte: 4097 });
    expect(toBlockRanges(ranges, 4096)).toEqual([{ firstBlock: 1, lastBlock: 1 }]);
  });

  it('refuses ranges that are not aligned', () => {
    const inside = RangeSet.of({ startByte: 1, endByte: 4096 });
    expect(() => toBlockRanges(inside, 4096)).toThrow(RangeError);
    const sameBlock = RangeSet.of({ startByte: 0, endByte: 1 }, { startByte: 4096, endByte: 5000 });
    expect(() => toBlockRanges(sameBlock, 8192)).toThrow(RangeError);
  });

  it('is undone by its inverse', () => {
    const image = fc.record({
      imageSizeBytes: fc.integer({ min: 1, max: 100_000 }),
      blockSizeBytes: fc.constantFrom(512, 1000, 1024, 4096),
      cuts: fc.array(fc.nat(100_000), { maxLength: 20 }),
    });
    fc.assert(
      fc.property(image, ({ imageSizeBytes, blockSizeBytes, cuts }) => {
        const inside = cuts.map((cut) => cut % imageSizeBytes);
        const ranges = inside.map((startByte) => ({ startByte, endByte: startByte + 1 }));
        const aligned = RangeSet.of(...ranges).alignOut(blockSizeBytes, imageSizeBytes);
        const bmap = {
          ...good,
          imageSizeBytes,
          blockSizeBytes,
          blockCount: countBlocks(imageSizeBytes, blockSizeBytes),
          ranges: toBlockRanges(aligned, blockSizeBytes),
        };
        expect([...toByteRanges(bmap)]).toEqual([...aligned]);
      }),
    );
  });
});
