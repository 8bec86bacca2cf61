import { describe, expect, it } from 'vitest';

import type { ImageReader } from '../image/image-reader.ts';
import { RangeSet } from '../ranges/range-set.ts';
import { findLargeGaps, findZeroBlocks } from './gaps.ts';
import type { ImageVolume } from './volumes.ts';

const MIB = 1024 * 1024;
const IMAGE_BYTES = 300 * MIB;

/** Zeros, but for one byte at each of the given places. */
function readerWithDataAt(...places: readonly number[]): ImageReader {
  return {
    sizeBytes: IMAGE_BYTES,
    readAt(startByte, lengthBytes) {
      const bytes = new Uint8Array(lengthBytes);
      for (const place of places) {
        if (place >= startByte && place < startByte + lengthBytes) bytes[place - startByte] = 1;
      }
      return bytes;
    },
  };
}

function partitionVolume(startByte: number, endByte: number): ImageVolume {
  return { startByte, endByte, partition: {} } as ImageVolume;
}

describe('gaps', () => {
  it('are looked for between partitions, and only above 64 MiB', () => {
    const volumes = [partitionVolume(64 * MIB, 100 * MIB), partitionVolume(165 * MIB, 200 * MIB)];
    expect([...findLargeGaps(IMAGE_BYTES, volumes)]).toEqual([
      { startByte: 100 * MIB, endByte: 165 * MIB },
      { startByte: 200 * MIB, endByte: 300 * MIB },
    ]);
  });

  it('are not looked for without partitions', () => {
    expect(findLargeGaps(IMAGE_BYTES, []).isEmpty).toBe(true);
  });

  it('keep their margins, the boot area and every block with data', () => {
    const place = 150 * MIB + 5;
    const zeros = findZeroBlocks(
      readerWithDataAt(place),
      RangeSet.of(
        { startByte: 0, endByte: 70 * MIB },
        { startByte: 100 * MIB + 512, endByte: 200 * MIB + 512 },
      ),
    );
    expect([...zeros]).toEqual([
      { startByte: 16 * MIB, endByte: 69 * MIB },
      { startByte: 101 * MIB + 4096, endByte: 150 * MIB },
      { startByte: 150 * MIB + 4096, endByte: 199 * MIB },
    ]);
  });
});
