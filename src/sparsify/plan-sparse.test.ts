import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { HoleCalls } from '../bmap/hole-map.ts';
import { SystemError } from '../errors/errors.ts';
import { RangeSet } from '../ranges/range-set.ts';
import { planHoles, readWritten } from './plan-sparse.ts';

const KIB = 1024;

/** A filesystem that tells about extents. */
function tellExtents(allocated: RangeSet): HoleCalls {
  return {
    readExtents: (_file, startByte, endByte) =>
      [...allocated].filter((extent) => extent.endByte > startByte && extent.startByte < endByte),
    seekData: () => undefined,
    seekHole: () => undefined,
  };
}

function plan(sizeBytes: number, unused: RangeSet, allocated: RangeSet, hostBlockBytes?: number) {
  const calls = tellExtents(allocated);
  return planHoles({ fileDescriptor: -1, path: 'x', sizeBytes, unused, hostBlockBytes, calls });
}

function range(startByte: number, endByte: number): RangeSet {
  return RangeSet.of({ startByte, endByte });
}

describe('planHoles', () => {
  it('keeps to whole blocks of the host, and frees a part of a block only at the end of the file', () => {
    const all = range(0, 256 * KIB);
    const unused = range(4 * KIB, 201 * KIB);
    expect([...plan(250 * KIB, unused, all, 64 * KIB).holes]).toEqual([
      { startByte: 64 * KIB, endByte: 192 * KIB },
    ]);
    const toEnd = plan(250 * KIB, range(65 * KIB, 250 * KIB), all, 64 * KIB);
    expect([...toEnd.holes]).toEqual([{ startByte: 128 * KIB, endByte: 256 * KIB }]);
    expect(toEnd.freedBytes).toBe((250 - 128) * KIB);
    expect(plan(250 * KIB, range(65 * KIB, 127 * KIB), all, 64 * KIB).holes.isEmpty).toBe(true);
    expect([...plan(250 * KIB, range(1, 9 * KIB), all).holes]).toEqual([
      { startByte: 4 * KIB, endByte: 8 * KIB },
    ]);
  });

  it('leaves alone what is a hole already', () => {
    const unused = range(0, 64 * KIB).union(range(128 * KIB, 192 * KIB));
    const allocated = range(160 * KIB, 164 * KIB);
    const { holes, freedBytes } = plan(1024 * KIB, unused, allocated, 4 * KIB);
    expect([...holes]).toEqual([{ startByte: 128 * KIB, endByte: 192 * KIB }]);
    expect(freedBytes).toBe(4 * KIB);
  });

  it('takes everything for allocated where the filesystem does not tell', () => {
    const silent: HoleCalls = {
      readExtents: () => undefined,
      seekData() {
        throw new SystemError('EINVAL', 'x', 'lseek failed');
      },
      seekHole: () => undefined,
    };
    const options = { fileDescriptor: -1, path: 'x', sizeBytes: 64 * KIB, calls: silent };
    const unused = range(8 * KIB, 16 * KIB);
    expect(planHoles({ ...options, unused, hostBlockBytes: 4096 }).holes).toEqual(unused);
    expect(() => readWritten(options, 64 * KIB, silent)).toThrow(SystemError);
  });

  it('never punches a used byte', () => {
    const position = fc.integer({ min: 0, max: 300 });
    const sets = fc
      .array(fc.tuple(position, position), { maxLength: 30 })
      .map((pairs) =>
        RangeSet.of(
          ...pairs.map(([a, b]) => ({ startByte: Math.min(a, b), endByte: Math.max(a, b) })),
        ),
      );
    const property = fc.property(
      sets,
      sets,
      position,
      fc.integer({ min: 1, max: 40 }),
      (free, allocated, sizeBytes, blockBytes) => {
        const unused = free.intersect(range(0, sizeBytes));
        const { holes } = plan(sizeBytes, unused, allocated, blockBytes);
        const used = unused.complementWithin(0, sizeBytes);
        expect(holes.intersect(used).isEmpty).toBe(true);
        for (const { startByte, endByte } of holes) {
          expect([startByte % blockBytes, endByte % blockBytes]).toEqual([0, 0]);
          expect(startByte).toBeLessThan(sizeBytes);
        }
      },
    );
    fc.assert(property);
  });
});
