/** The length of a block is found without decoding it, and never beyond its bounds. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { measureData } from './lz4-block.ts';

const LIMIT_BYTES = 65_536;

interface Sequence {
  readonly literalBytes: number;
  readonly offset: number;
  readonly matchBytes: number;
}

/** Literals, and a match of at least 4 bytes. */
function encode({ literalBytes, offset, matchBytes }: Sequence): number[] {
  const token = (Math.min(literalBytes, 15) << 4) | Math.min(matchBytes - 4, 15);
  return [
    token,
    ...moreOf(literalBytes),
    ...Array.from({ length: literalBytes }, () => 0xaa),
    offset & 0xff,
    offset >> 8,
    ...moreOf(matchBytes - 4),
  ];
}

/** Literals alone: what a block ends with. */
function encodeLast(literalBytes: number): number[] {
  return encode({ literalBytes, offset: 0, matchBytes: 4 }).slice(0, -2);
}

function moreOf(length: number): number[] {
  if (length < 15) return [];
  const rest = length - 15;
  return [...Array.from({ length: Math.floor(rest / 255) }, () => 255), rest % 255];
}

function measure(bytes: readonly number[], limitBytes = LIMIT_BYTES): number | undefined {
  return measureData(Uint8Array.from(bytes), limitBytes);
}

const length = fc.oneof(
  fc.integer({ min: 0, max: 20 }),
  fc.integer({ min: 260, max: 290 }),
  fc.integer({ min: 520, max: 540 }),
);
const sequence = fc.record({
  literalBytes: length.map((bytes) => bytes + 1),
  offset: fc.constant(1),
  matchBytes: length.map((bytes) => bytes + 4),
});

it('is the sum of all literals and matches', () => {
  fc.assert(
    fc.property(fc.array(sequence, { maxLength: 8 }), length, (sequences, lastBytes) => {
      const bytes = [...sequences.flatMap(encode), ...encodeLast(lastBytes)];
      const sum = sequences.reduce(
        (total, { literalBytes, matchBytes }) => total + literalBytes + matchBytes,
        lastBytes,
      );
      expect(measure(bytes, sum)).toBe(sum);
      expect(measure(bytes, sum - 1)).toBeUndefined();
      // The last sequence is there, but not all of it.
      for (let missing = 1; missing <= lastBytes; missing++) {
        expect(measure(bytes.slice(0, -missing))).toBeUndefined();
      }
    }),
  );
});

describe('is not told of a block', () => {
  const match = { literalBytes: 3, offset: 3, matchBytes: 4 };

  it.each([
    ['that is empty', []],
    ['that ends behind a match', encode(match)],
    ['that ends in the offset', encode(match).slice(0, -1)],
    ['that ends in a length of literals', [0xf0, 255]],
    ['that ends before a length of literals', [0xf0]],
    ['that ends in a length of a match', [0x3f, 1, 2, 3, 3, 0, 255]],
    ['that ends before a length of a match', [0x3f, 1, 2, 3, 3, 0]],
    ['whose offset is zero', [...encode({ ...match, offset: 0 }), ...encodeLast(5)]],
    ['whose match starts before it', [...encode({ ...match, offset: 4 }), ...encodeLast(5)]],
    ['whose literals end behind it', [0x40, 1, 2, 3]],
  ])('%s', (_, bytes) => {
    expect(measure(bytes)).toBeUndefined();
  });

  it('but of the same one that is right', () => {
    expect(measure([...encode(match), ...encodeLast(5)])).toBe(12);
  });
});
