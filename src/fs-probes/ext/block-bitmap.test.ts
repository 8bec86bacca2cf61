import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { forEachZeroRun } from './block-bitmap.ts';

function zeroRuns(bitmap: Uint8Array, bitCount: number): [number, number][] {
  const runs: [number, number][] = [];
  forEachZeroRun(bitmap, bitCount, (startBit, endBit) => runs.push([startBit, endBit]));
  return runs;
}

/** Bit by bit: slow, and easy to believe. */
function modelRuns(bitmap: Uint8Array, bitCount: number): [number, number][] {
  const runs: [number, number][] = [];
  for (let bit = 0; bit < bitCount; bit++) {
    if (((bitmap[bit >> 3]! >> (bit & 7)) & 1) === 1) continue;
    const last = runs.at(-1);
    if (last !== undefined && last[1] === bit) last[1] = bit + 1;
    else runs.push([bit, bit + 1]);
  }
  return runs;
}

it('finds no run in a full bitmap and one in an empty one', () => {
  expect(zeroRuns(new Uint8Array(1024).fill(0xff), 8192)).toEqual([]);
  expect(zeroRuns(new Uint8Array(1024), 8192)).toEqual([[0, 8192]]);
});

it('ignores the padding behind a short group', () => {
  expect(zeroRuns(new Uint8Array(1024), 33)).toEqual([[0, 33]]);
  expect(zeroRuns(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0), 33)).toEqual([[32, 33]]);
});

it('finds the same runs as a walk bit by bit', () => {
  // Bytes of all ones and all zeros are common, so that long runs occur.
  const byte = fc.oneof(fc.constant(0), fc.constant(0xff), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(fc.array(byte, { minLength: 64, maxLength: 64 }), fc.nat(511), (bytes, short) => {
      const bitmap = Uint8Array.from(bytes);
      const bitCount = 512 - short;
      expect(zeroRuns(bitmap, bitCount)).toEqual(modelRuns(bitmap, bitCount));
    }),
    { seed: 1, numRuns: 500 },
  );
});
