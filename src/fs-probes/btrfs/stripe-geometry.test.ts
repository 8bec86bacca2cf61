import { assert, nat, property } from 'fast-check';
import { describe, expect, it } from 'vitest';

import { RangeSet, RangeSetBuilder } from '../../ranges/range-set.ts';
import { DATA, dataStripeCount, type Chunk } from './chunk-item.ts';
import { profileOf, STRIPE_BYTES } from './raid-profile.ts';
import { copyCount, footprint, locateCopy } from './stripe-geometry.ts';

const shapes = [
  { name: 'single', bit: 0, stripes: 1 },
  { name: 'dup', bit: 0x20, stripes: 2 },
  { name: 'raid1', bit: 0x10, stripes: 2 },
  { name: 'raid1c3', bit: 0x200, stripes: 3 },
  { name: 'raid1c4', bit: 0x400, stripes: 4 },
  { name: 'raid0', bit: 0x8, stripes: 3 },
  { name: 'raid0', bit: 0x8, stripes: 1 },
  { name: 'raid10', bit: 0x40, stripes: 6 },
  { name: 'raid5', bit: 0x80, stripes: 2 },
  { name: 'raid5', bit: 0x80, stripes: 4 },
  { name: 'raid6', bit: 0x100, stripes: 3 },
  { name: 'raid6', bit: 0x100, stripes: 5 },
];
const titled = shapes.map((shape) => [`${shape.name} on ${shape.stripes}`, shape] as const);
const ROWS = 6;

function makeChunk({ bit, stripes }: { bit: number; stripes: number }): Chunk {
  const profile = profileOf(DATA | bit)!;
  const stripeLengthBytes = ROWS * STRIPE_BYTES;
  return {
    logicalByte: 0,
    lengthBytes: stripeLengthBytes * dataStripeCount(profile, stripes),
    contents: DATA,
    profile,
    stripes: Array.from({ length: stripes }, (_, devid) => ({
      devid,
      deviceUuid: '',
      startByte: 0,
    })),
    stripeLengthBytes,
  };
}

/** The stripes' bytes, one behind the other, that the footprint names. */
function footprintSet(chunk: Chunk, startByte: number, endByte: number): RangeSet {
  const set = new RangeSetBuilder();
  for (const part of footprint(chunk, startByte, endByte)) {
    const base = part.stripeIndex * chunk.stripeLengthBytes;
    expect(part.startByte).toBeLessThan(part.endByte);
    expect(part.endByte).toBeLessThanOrEqual(chunk.stripeLengthBytes);
    set.add(base + part.startByte, base + part.endByte);
  }
  return set.build();
}

/** The same by following every copy of every sector, and in parity profiles by filling up rows. */
function followSectors(chunk: Chunk, startByte: number, endByte: number): RangeSet {
  const set = new RangeSetBuilder();
  for (let copy = 0; copy < copyCount(chunk); copy++) {
    for (let at = startByte; at < endByte;) {
      const part = locateCopy(chunk, at, endByte, copy);
      const base = part.stripeIndex * chunk.stripeLengthBytes;
      set.add(base + part.startByte, base + part.endByte);
      at += part.endByte - part.startByte;
    }
  }
  if (chunk.profile.spread !== 'parity') return set.build();
  const rows = new RangeSetBuilder();
  for (const range of set
    .build()
    .alignOut(STRIPE_BYTES, chunk.stripeLengthBytes * chunk.stripes.length)) {
    for (let at = range.startByte; at < range.endByte; at += STRIPE_BYTES) {
      const row = at % chunk.stripeLengthBytes;
      for (let index = 0; index < chunk.stripes.length; index++) {
        const base = index * chunk.stripeLengthBytes + row;
        rows.add(base, base + STRIPE_BYTES);
      }
    }
  }
  return rows.build();
}

const parity = (bit: number, stripes: number) =>
  [...footprint(makeChunk({ bit, stripes }), 0, 5 * STRIPE_BYTES)]
    .filter((part) => part.isParity)
    .map(({ stripeIndex, startByte }) => `${stripeIndex}@${startByte / STRIPE_BYTES}`);

const places = (bit: number, stripes: number, strips: number, copy = 0) => {
  const chunk = makeChunk({ bit, stripes });
  return Array.from({ length: strips }, (_, strip) => {
    const startByte = strip * STRIPE_BYTES + 4096;
    const part = locateCopy(chunk, startByte, startByte + 10 * STRIPE_BYTES, copy);
    expect(part.endByte % STRIPE_BYTES).toBe(0);
    return `${part.stripeIndex}@${(part.startByte - 4096) / STRIPE_BYTES}`;
  });
};

describe('footprint', () => {
  it.each(titled)('of %s is every copy of every sector', (_title, shape) => {
    const chunk = makeChunk(shape);
    const sectors = chunk.lengthBytes / 4096;
    assert(
      property(nat(sectors - 1), nat(sectors - 1), (a, b) => {
        const startByte = Math.min(a, b) * 4096;
        const endByte = (Math.max(a, b) + 1) * 4096;
        const found = [...footprintSet(chunk, startByte, endByte)];
        expect(found).toEqual([...followSectors(chunk, startByte, endByte)]);
      }),
      { seed: 1, numRuns: 150 },
    );
  });

  it.each(titled)('of all of %s is all stripes', (_title, shape) => {
    const chunk = makeChunk(shape);
    const whole = { startByte: 0, endByte: chunk.stripeLengthBytes * shape.stripes };
    expect([...footprintSet(chunk, 0, chunk.lengthBytes)]).toEqual([whole]);
  });

  it('names the parity of each row, which moves by one column a row', () => {
    expect(parity(0x80, 3)).toEqual(['2@0', '0@1', '1@2']);
    expect(parity(0x100, 4)).toEqual(['2@0', '3@0', '3@1', '0@1', '0@2', '1@2']);
  });
});

describe('locateCopy', () => {
  // The orders that fs/btrfs/volumes.c gives for strips 0, 1, 2 ...
  it('deals strips over stripes', () => {
    expect(places(0x8, 3, 5)).toEqual(['0@0', '1@0', '2@0', '0@1', '1@1']);
    expect(places(0x40, 4, 4, 0)).toEqual(['0@0', '2@0', '0@1', '2@1']);
    expect(places(0x40, 4, 4, 1)).toEqual(['1@0', '3@0', '1@1', '3@1']);
    expect(places(0x80, 3, 6)).toEqual(['0@0', '1@0', '1@1', '2@1', '2@2', '0@2']);
    expect(places(0x100, 4, 6)).toEqual(['0@0', '1@0', '1@1', '2@1', '2@2', '3@2']);
  });
});
