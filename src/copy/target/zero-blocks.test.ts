import { expect, it } from 'vitest';

import { findZeroRuns } from './zero-blocks.ts';

const KIB = 1024;

/** Ones, with zeros in the given parts. */
function makeBytes(lengthBytes: number, ...zeros: readonly (readonly [number, number])[]): Buffer {
  const bytes = Buffer.alloc(lengthBytes, 1);
  for (const [startByte, endByte] of zeros) bytes.fill(0, startByte, endByte);
  return bytes;
}

it('finds runs of whole blocks, at their place on the device', () => {
  const bytes = makeBytes(512 * KIB, [4 * KIB, 100 * KIB], [200 * KIB, 512 * KIB]);
  const base = 3 * 1024 * KIB;
  expect(findZeroRuns(bytes, base, 4096)).toEqual([
    { startByte: base + 4 * KIB, endByte: base + 100 * KIB },
    { startByte: base + 200 * KIB, endByte: base + 512 * KIB },
  ]);
});

it('aligns to the device, not to the piece', () => {
  const bytes = makeBytes(128 * KIB, [0, 128 * KIB]);
  expect(findZeroRuns(bytes, 1000, 4096)).toEqual([{ startByte: 4096, endByte: 128 * KIB }]);
});

it('leaves short runs alone', () => {
  const bytes = makeBytes(128 * KIB, [0, 64 * KIB - 1], [68 * KIB, 128 * KIB]);
  expect(findZeroRuns(bytes, 0, 4096)).toEqual([]);
  const enough = makeBytes(128 * KIB, [64 * KIB, 128 * KIB]);
  expect(findZeroRuns(enough, 0, 4096)).toEqual([{ startByte: 64 * KIB, endByte: 128 * KIB }]);
});

it('finds nothing in less than a block', () => {
  expect(findZeroRuns(makeBytes(100, [0, 100]), 50, 4096)).toEqual([]);
});
