import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { RangeSet } from '../ranges/range-set.ts';
import { cutCells, leadingKind, mappedShare, tally } from './cells.ts';
import { KIND_COUNT, KIND_INDEX, KIND_STYLES } from './picture-kinds.ts';

const DATA = KIND_INDEX.get('data')!;
const JOURNAL = KIND_INDEX.get('journal')!;
const LEFT_OUT = KIND_INDEX.get('left-out')!;

function makeLayers(data: RangeSet, endByte: number) {
  const free = data.complementWithin(0, endByte);
  return KIND_STYLES.map(({ kind }) => ({
    kind,
    ranges: kind === 'data' ? data : kind === 'left-out' ? free : RangeSet.empty,
  }));
}

const extents = fc.array(
  fc
    .tuple(fc.nat(999), fc.nat(200))
    .map(([startByte, length]) => ({ startByte, endByte: Math.min(1000, startByte + length) })),
);

describe('cutCells', () => {
  it('cuts without gaps, and counts every byte in the cell where it lies', () => {
    fc.assert(
      fc.property(
        extents,
        fc.nat(999),
        fc.nat(999),
        fc.integer({ min: 1, max: 120 }),
        (runs, one, other, count) => {
          const range = { startByte: Math.min(one, other), endByte: Math.max(one, other) };
          const data = RangeSet.of(...runs);
          const cells = cutCells(makeLayers(data, 1000), range, count);
          expect(cells.length).toBe(Math.min(count, range.endByte - range.startByte));
          let at = range.startByte;
          for (const cell of cells) {
            expect(cell.startByte).toBe(at);
            expect(cell.endByte).toBeGreaterThan(at);
            at = cell.endByte;
            const inside = data.intersect(RangeSet.of(cell)).lengthBytes;
            expect(cell.tally[DATA]).toBe(inside);
            expect(cell.tally[LEFT_OUT]).toBe(cell.endByte - cell.startByte - inside);
          }
          expect(at).toBe(cells.length === 0 ? range.startByte : range.endByte);
        },
      ),
    );
  });

  it('adds up for the largest disk that numbers can tell', () => {
    const endByte = Number.MAX_SAFE_INTEGER;
    const data = RangeSet.of({ startByte: 4096, endByte: endByte - 1 });
    const cells = cutCells(makeLayers(data, endByte), { startByte: 0, endByte }, 997);
    expect(cells.length).toBe(997);
    expect(cells.at(-1)?.endByte).toBe(endByte);
    expect(cells[0]!.tally[LEFT_OUT]).toBe(4096);
    expect(cells.at(-1)!.tally[LEFT_OUT]).toBe(1);
    const widths = cells.map((cell) => cell.endByte - cell.startByte);
    expect(Math.max(...widths) - Math.min(...widths)).toBeLessThanOrEqual(2);
  });

  it('has nothing to say about an empty range', () => {
    expect(cutCells(makeLayers(RangeSet.empty, 10), { startByte: 4, endByte: 4 }, 5)).toEqual([]);
    expect(tally(makeLayers(RangeSet.empty, 10), 4, 4)).toEqual(new Float64Array(KIND_COUNT));
  });
});

describe('what a cell shows', () => {
  function makeTally(entries: readonly (readonly [kind: number, bytes: number])[]): Float64Array {
    const bytes = new Float64Array(KIND_COUNT);
    for (const [kind, count] of entries) bytes[kind] = count;
    return bytes;
  }

  it('is the kind with the most bytes, however much is left out', () => {
    const bytes = [
      [LEFT_OUT, 1000],
      [DATA, 3],
      [JOURNAL, 2],
    ] as const;
    expect(leadingKind(makeTally(bytes))).toBe(DATA);
  });

  it('is the kind with precedence if there is as much of both', () => {
    const bytes = [
      [DATA, 3],
      [JOURNAL, 3],
    ] as const;
    expect(leadingKind(makeTally(bytes))).toBe(JOURNAL);
  });

  it('is nothing if all is left out', () => {
    expect(leadingKind(makeTally([[LEFT_OUT, 5]]))).toBeUndefined();
  });

  it('tells the share that is mapped', () => {
    const bytes = [
      [LEFT_OUT, 3],
      [DATA, 1],
    ] as const;
    expect(mappedShare(makeTally(bytes))).toBe(0.25);
    expect(mappedShare(makeTally([]))).toBe(0);
  });
});
