/** An image whose packed blocks can be seen to have been passed over, since no byte of it is zero. */
import * as fc from 'fast-check';
import { expect } from 'vitest';

import { RangeSet } from '../../src/ranges/range-set.ts';
import { SeededRandom } from './random.ts';

/** Compresses well, and no two pages are the same. */
export function makeWantedImage(sizeBytes: number): Buffer {
  const image = Buffer.alloc(
    sizeBytes,
    new SeededRandom(7).bytes(4096).map((byte) => byte | 1),
  );
  for (let at = 0; at < sizeBytes; at += 4096) {
    image[at] = 1 + ((at / 4096) % 255);
    image[at + 1] = 1 + Math.floor(at / 4096 / 255);
  }
  return image;
}

export function countZeros(bytes: Uint8Array): number {
  return bytes.reduce((count, byte) => count + (byte === 0 ? 1 : 0), 0);
}

/** Up to four ranges of the image, none longer than `maxRangeBytes`. */
export function someRanges(image: Buffer, maxRangeBytes: number): fc.Arbitrary<RangeSet> {
  const start = fc.integer({ min: 0, max: image.length });
  const range = fc.tuple(start, fc.integer({ min: 0, max: maxRangeBytes }));
  return fc.array(range, { maxLength: 4 }).map((ranges) =>
    RangeSet.of(
      ...ranges.map(([startByte, lengthBytes]) => ({
        startByte,
        endByte: Math.min(startByte + lengthBytes, image.length),
      })),
    ),
  );
}

/** All bytes in number, and the wanted ones as they are. */
export function expectWanted(bytes: Buffer, image: Buffer, ranges: RangeSet): void {
  expect(bytes.length).toBe(image.length);
  for (const { startByte, endByte } of ranges) {
    const isRight = bytes.subarray(startByte, endByte).equals(image.subarray(startByte, endByte));
    expect(isRight).toBe(true);
  }
}
