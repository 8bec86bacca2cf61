import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { alignDown, alignUp } from './byte-range.ts';
import { RangeSet, RangeSetBuilder } from './range-set.ts';

const SPAN = 400;

/** Ranges inside `[0, SPAN)`, in any order, overlapping as they like. */
const anyRanges = fc.array(
  fc
    .tuple(fc.integer({ min: 0, max: SPAN }), fc.integer({ min: 0, max: SPAN }))
    .map(([a, b]) => ({ startByte: Math.min(a, b), endByte: Math.max(a, b) })),
  { maxLength: 300 },
);

/** The slow truth: one boolean for each byte. */
function bitmapOf(set: Iterable<{ startByte: number; endByte: number }>): readonly boolean[] {
  const bitmap = Array.from({ length: SPAN }, () => false);
  for (const { startByte, endByte } of set) bitmap.fill(true, startByte, endByte);
  return bitmap;
}

function isCanonical(set: RangeSet): boolean {
  const bounds = [...set].flatMap(({ startByte, endByte }) => [startByte, endByte]);
  return bounds.every((bound, index) => index === 0 || bounds[index - 1]! < bound);
}

describe('RangeSet', () => {
  it('holds exactly the bytes that were added, sorted and merged', () => {
    fc.assert(
      fc.property(anyRanges, (ranges) => {
        const set = RangeSet.of(...ranges);
        expect(bitmapOf(set)).toEqual(bitmapOf(ranges));
        expect(isCanonical(set)).toBe(true);
        expect(set.lengthBytes).toBe(bitmapOf(ranges).filter(Boolean).length);
      }),
    );
  });

  it('combines as sets of bytes do', () => {
    fc.assert(
      fc.property(anyRanges, anyRanges, (left, right) => {
        const a = RangeSet.of(...left);
        const b = RangeSet.of(...right);
        const inA = bitmapOf(a);
        const inB = bitmapOf(b);
        for (const [set, rule] of [
          [a.union(b), (x: boolean, y: boolean) => x || y],
          [a.intersect(b), (x: boolean, y: boolean) => x && y],
          [a.subtract(b), (x: boolean, y: boolean) => x && !y],
        ] as const) {
          expect(bitmapOf(set)).toEqual(inA.map((x, at) => rule(x, inB[at]!)));
          expect(isCanonical(set)).toBe(true);
        }
        expect(bitmapOf(a.complementWithin(0, SPAN))).toEqual(inA.map((x) => !x));
      }),
    );
  });

  it('answers for every range what its bytes say', () => {
    const position = fc.integer({ min: 0, max: SPAN });
    fc.assert(
      fc.property(anyRanges, position, position, (ranges, a, b) => {
        const set = RangeSet.of(...ranges);
        const bytes = bitmapOf(ranges).slice(Math.min(a, b), Math.max(a, b));
        expect(set.covers(Math.min(a, b), Math.max(a, b))).toBe(bytes.every(Boolean));
        expect(set.intersects(Math.min(a, b), Math.max(a, b))).toBe(bytes.some(Boolean));
      }),
    );
  });

  it('never loses a byte when it is aligned outward, and adds less than a unit on each side', () => {
    fc.assert(
      fc.property(anyRanges, fc.integer({ min: 1, max: 9 }), (ranges, unit) => {
        const set = RangeSet.of(...ranges);
        const aligned = set.alignOut(unit, SPAN);
        expect(set.subtract(aligned).isEmpty).toBe(true);
        for (const { startByte, endByte } of aligned) {
          expect(startByte % unit).toBe(0);
          expect(endByte % unit === 0 || endByte === SPAN).toBe(true);
          expect(set.intersects(startByte, startByte + unit)).toBe(true);
          expect(set.intersects(Math.max(endByte - unit, 0), endByte)).toBe(true);
        }
      }),
    );
  });

  it('fills the smallest gaps, and no more than it must', () => {
    fc.assert(
      fc.property(anyRanges, fc.integer({ min: 1, max: 12 }), (ranges, maxCount) => {
        const set = RangeSet.of(...ranges);
        const filled = set.fillSmallestGaps(maxCount);
        expect(set.subtract(filled).isEmpty).toBe(true);
        expect(filled.count).toBe(Math.min(set.count, maxCount));
        const left = filled.complementWithin(0, SPAN);
        const added = filled.subtract(set);
        const largestAdded = Math.max(0, ...[...added].map((run) => run.endByte - run.startByte));
        for (const { startByte, endByte } of left) {
          const isInner = startByte > 0 && endByte < SPAN && filled.intersects(0, startByte);
          if (isInner && filled.intersects(endByte, SPAN)) {
            expect(endByte - startByte).toBeGreaterThanOrEqual(largestAdded);
          }
        }
      }),
    );
  });

  it('shifts, counts and gives runs by number', () => {
    const set = RangeSet.of({ startByte: 4, endByte: 8 }, { startByte: 10, endByte: 11 }).shift(5);
    expect(set.count).toBe(2);
    expect(set.at(1)).toEqual({ startByte: 15, endByte: 16 });
    expect(() => set.at(2)).toThrow(RangeError);
  });

  it('works beyond 32 bits', () => {
    const far = 2 ** 52;
    const set = RangeSet.of({ startByte: far, endByte: far + 10 });
    expect(set.complementWithin(far - 1, far + 11).lengthBytes).toBe(2);
  });
});

describe('RangeSetBuilder', () => {
  it.each([
    [5, 4],
    [-1, 4],
    [0.5, 4],
    [0, 2 ** 53],
    [0, NaN],
  ])('refuses %d to %d', (startByte, endByte) => {
    expect(() => new RangeSetBuilder().add(startByte, endByte)).toThrow(RangeError);
  });

  it('can be used on after a build', () => {
    const builder = new RangeSetBuilder();
    builder.add(8, 9);
    builder.build();
    builder.add(0, 1);
    expect([...builder.build()]).toHaveLength(2);
  });

  it('keeps memory to the merged runs, whatever the order', () => {
    const builder = new RangeSetBuilder();
    // Every second block first, then the others: a million ranges that end as one.
    for (const first of [0, 4096]) {
      for (let block = 0; block < 500_000; block++) {
        builder.add(block * 8192 + first, block * 8192 + first + 4096);
      }
    }
    expect(builder.build().count).toBe(1);
  });
});

describe('alignment', () => {
  it('works for any unit and beyond 32 bits', () => {
    expect(alignDown(2 ** 40 + 5, 4096)).toBe(2 ** 40);
    expect(alignUp(2 ** 40 + 5, 4096)).toBe(2 ** 40 + 4096);
    expect(alignUp(12, 6)).toBe(12);
    expect(alignDown(13, 6)).toBe(12);
  });
});
