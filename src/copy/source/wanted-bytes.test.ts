import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { RangeSet } from '../../ranges/range-set.ts';
import { WantedBytes } from './wanted-bytes.ts';

const range = fc
  .tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 60 }))
  .map(([one, other]) => ({ startByte: Math.min(one, other), endByte: Math.max(one, other) }));

it('includes a block if and only if one of its bytes is in a range', () => {
  fc.assert(
    fc.property(fc.array(range), range, (ranges, block) => {
      const wanted = new WantedBytes();
      expect(wanted.mayInclude(block.startByte, block.endByte)).toBe(true);
      wanted.limitTo({ ranges: RangeSet.of(...ranges), areVerified: true });
      let isWanted = false;
      for (let byte = block.startByte; byte < block.endByte; byte++) {
        isWanted ||= ranges.some(({ startByte, endByte }) => startByte <= byte && byte < endByte);
      }
      expect(wanted.mayInclude(block.startByte, block.endByte)).toBe(isWanted);
    }),
    { numRuns: 1000 },
  );
});
