import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { MemoryReader } from '../image/memory-reader.ts';
import type { Partition } from '../partition/partition-table.ts';
import { RangeSet } from '../ranges/range-set.ts';
import { MAP_BLOCK_BYTES, planMapping, type Voices } from './agree.ts';
import type { ClaimResult } from './claim-result.ts';
import type { ImageVolume } from './volumes.ts';

const BLOCK = MAP_BLOCK_BYTES;
const IMAGE_BYTES = 32 * BLOCK;

function makeVolume(index: number, startByte: number, endByte: number): ImageVolume {
  const partition = { number: index } as Partition;
  return {
    index,
    name: `partition ${index}`,
    startByte,
    endByte,
    reader: new MemoryReader(new Uint8Array(endByte - startByte)),
    partition: index === 0 ? undefined : partition,
  };
}

interface Extent {
  readonly startByte: number;
  readonly endByte: number;
}

/** A claim over the first `lengthBytes` of its volume; `used` in positions of the image. */
function makeClaim(volume: ImageVolume, lengthBytes: number, used: readonly Extent[]): ClaimResult {
  const set = RangeSet.of(...used);
  const { startByte } = volume;
  return {
    claim: { volume, type: 'test', lengthBytes },
    probeName: 'test',
    facts: { state: 'clean' },
    whole: undefined,
    used: new Map([['data', set]]),
    released: set.complementWithin(startByte, startByte + lengthBytes),
  };
}

function voices(volumes: readonly ImageVolume[], claims: readonly ClaimResult[]): Voices {
  return {
    imageBytes: IMAGE_BYTES,
    volumes,
    claims,
    releasedGaps: RangeSet.empty,
    tableRanges: [],
    kept: RangeSet.empty,
  };
}

const image = makeVolume(0, 0, IMAGE_BYTES);

describe('planMapping', () => {
  it('maps everything where nobody claims anything', () => {
    const mapped = planMapping(voices([image, makeVolume(1, BLOCK, 9 * BLOCK)], []));
    expect([...mapped]).toEqual([{ startByte: 0, endByte: IMAGE_BYTES }]);
  });

  it('leaves out what a claim releases, and keeps the slack behind it', () => {
    const volume = makeVolume(1, BLOCK, 9 * BLOCK);
    const used = [{ startByte: BLOCK, endByte: 2 * BLOCK }];
    const mapped = planMapping(voices([image, volume], [makeClaim(volume, 4 * BLOCK, used)]));
    expect([...mapped]).toEqual([
      { startByte: 0, endByte: 2 * BLOCK },
      { startByte: 5 * BLOCK, endByte: IMAGE_BYTES },
    ]);
  });

  it('leaves out only whole blocks of which every byte is free', () => {
    const volume = makeVolume(1, BLOCK + 512, 9 * BLOCK + 512);
    const used = [{ startByte: 4 * BLOCK + 1, endByte: 4 * BLOCK + 2 }];
    const mapped = planMapping(voices([image, volume], [makeClaim(volume, 8 * BLOCK, used)]));
    expect([...mapped]).toEqual([
      { startByte: 0, endByte: 2 * BLOCK },
      { startByte: 4 * BLOCK, endByte: 5 * BLOCK },
      { startByte: 9 * BLOCK, endByte: IMAGE_BYTES },
    ]);
  });

  it('leaves out the short last block if all of its bytes are free', () => {
    const cut = { ...image, endByte: 3 * BLOCK + 100 };
    const claim = makeClaim(cut, cut.endByte, [{ startByte: 0, endByte: 1 }]);
    const mapped = planMapping({ ...voices([cut], [claim]), imageBytes: cut.endByte });
    expect([...mapped]).toEqual([{ startByte: 0, endByte: BLOCK }]);
  });

  it('keeps what an overlapping partition does not release, claimed or not', () => {
    const first = makeVolume(1, 0, 16 * BLOCK);
    const second = makeVolume(2, 8 * BLOCK, 20 * BLOCK);
    const claim = makeClaim(first, 16 * BLOCK, []);
    expect(planMapping(voices([image, first], [claim])).covers(8 * BLOCK, 9 * BLOCK)).toBe(false);
    expect(planMapping(voices([image, first, second], [claim])).covers(8 * BLOCK, 16 * BLOCK)).toBe(
      true,
    );
  });

  it('needs every claim on a volume to agree', () => {
    const volume = makeVolume(1, 0, IMAGE_BYTES);
    const free = makeClaim(volume, IMAGE_BYTES, []);
    const whole = {
      ...makeClaim(volume, IMAGE_BYTES, []),
      whole: 'damage' as const,
      released: RangeSet.empty,
    };
    expect(planMapping(voices([image, volume], [free])).isEmpty).toBe(true);
    expect(planMapping(voices([image, volume], [free, whole])).lengthBytes).toBe(IMAGE_BYTES);
  });

  it('keeps what one filesystem uses inside another volume', () => {
    const volume = makeVolume(1, 0, 8 * BLOCK);
    const elsewhere = makeVolume(2, 8 * BLOCK, 16 * BLOCK);
    const foreign = { startByte: 9 * BLOCK, endByte: 10 * BLOCK };
    const claims = [makeClaim(volume, 8 * BLOCK, [foreign]), makeClaim(elsewhere, 8 * BLOCK, [])];
    const mapped = planMapping(voices([image, volume, elsewhere], claims));
    expect(mapped.covers(foreign.startByte, foreign.endByte)).toBe(true);
    expect(mapped.covers(10 * BLOCK, 11 * BLOCK)).toBe(false);
  });

  it('does not let a filesystem in front of the table speak for what lies behind it', () => {
    const volume = makeVolume(1, 8 * BLOCK, 16 * BLOCK);
    const old = makeClaim(image, 12 * BLOCK, [{ startByte: 0, endByte: 10 * BLOCK }]);
    const mapped = planMapping(voices([image, volume], [old, makeClaim(volume, 8 * BLOCK, [])]));
    expect(mapped.covers(8 * BLOCK, 10 * BLOCK)).toBe(true);
    expect(mapped.intersects(10 * BLOCK, 16 * BLOCK)).toBe(false);
  });

  it('keeps partition tables and what was asked for, whatever is said', () => {
    const free = makeClaim(image, IMAGE_BYTES, []);
    const tableRanges = [
      { startByte: 0, endByte: 512 },
      { startByte: IMAGE_BYTES - 512, endByte: IMAGE_BYTES + 9 },
    ];
    const kept = RangeSet.of({ startByte: 5 * BLOCK + 7, endByte: 5 * BLOCK + 8 });
    const mapped = planMapping({ ...voices([image], [free]), tableRanges, kept });
    expect([...mapped].map(({ startByte }) => startByte / BLOCK)).toEqual([0, 5, 31]);
  });

  it('never leaves out a byte that any voice wants', () => {
    const position = fc.integer({ min: 0, max: IMAGE_BYTES });
    const extent = fc
      .tuple(position, position)
      .filter(([a, b]) => a !== b)
      .map(([a, b]) => ({ startByte: Math.min(a, b), endByte: Math.max(a, b) }));
    const volumeAndUse = fc.tuple(extent, fc.array(extent, { maxLength: 5 }), fc.boolean());
    fc.assert(
      fc.property(fc.array(volumeAndUse, { maxLength: 5 }), (parts) => {
        const volumes = parts.map(([{ startByte, endByte }], index) =>
          makeVolume(index + 1, startByte, endByte),
        );
        const claims = parts.flatMap(([range, used, isClaimed], index) =>
          isClaimed ? [makeClaim(volumes[index]!, range.endByte - range.startByte, used)] : [],
        );
        const mapped = planMapping(voices([image, ...volumes], claims));
        for (const [range, used, isClaimed] of parts) {
          const wanted = isClaimed ? used : [range];
          for (const { startByte, endByte } of wanted)
            expect(mapped.covers(startByte, endByte)).toBe(true);
        }
        const claimed = RangeSet.of(
          ...parts.filter(([, , isClaimed]) => isClaimed).map(([range]) => range),
        );
        const unclaimed = claimed.complementWithin(0, IMAGE_BYTES);
        expect(unclaimed.subtract(mapped).isEmpty).toBe(true);
      }),
    );
  });
});
