import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { StreamReader } from '../stream-reader.ts';
import { copyBits, readBits } from './bits.ts';
import { BLOCK_MARK, END_MARK, findMark, splitAtMarks } from './bzip2-segments.ts';

/** Zeros and ones, since nothing about them can be wrong. */
function toDigits(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');
}

function toBytes(digits: string): Uint8Array {
  const bytes = digits.match(/.{1,8}/g) ?? [];
  return Uint8Array.from(bytes, (byte) => Number.parseInt(byte.padEnd(8, '0'), 2));
}

const MARKS = [BLOCK_MARK, END_MARK].map((mark) => mark.toString(2).padStart(48, '0'));
const NOISE = fc.uint8Array({ maxLength: 30 }).map(toDigits);
/** Of any length in bits. */
const BITS = fc.tuple(NOISE, fc.nat(7)).map(([digits, drop]) => digits.slice(drop));

describe('bits', () => {
  it('are copied from any place to any other', () => {
    fc.assert(
      fc.property(BITS, fc.nat(20), fc.nat(20), fc.nat(9), (bits, fromBit, toBit, behindBits) => {
        const from = toBytes('1'.repeat(fromBit) + bits + '1'.repeat(behindBits));
        const to = toBytes('1'.repeat(toBit) + '0'.repeat(bits.length) + '1'.repeat(behindBits));
        copyBits(from, fromBit, bits.length, to, toBit);
        const expected = toBytes('1'.repeat(toBit) + bits + '1'.repeat(behindBits));
        expect(to).toEqual(expected);
      }),
    );
  });

  it('are numbers, of up to 48 of them', () => {
    fc.assert(
      fc.property(
        fc.nat(2 ** 48 - 1),
        fc.integer({ min: 1, max: 48 }),
        fc.nat(20),
        (n, count, at) => {
          const digits = n.toString(2).padStart(48, '0').slice(-count);
          const bytes = toBytes(`${'1'.repeat(at)}${digits}11`);
          expect(readBits(bytes, at, count)).toBe(Number.parseInt(digits, 2));
        },
      ),
    );
  });
});

describe('marks of bzip2', () => {
  it('are found at every bit, and nowhere else', () => {
    for (const mark of MARKS) {
      for (let startBit = 0; startBit < 100; startBit++) {
        const bytes = toBytes('0'.repeat(startBit) + mark + '0'.repeat(-startBit & 7));
        expect(findMark(bytes, 0)?.startBit).toBe(startBit);
        expect(findMark(bytes, startBit)?.startBit).toBe(startBit);
        expect(findMark(bytes, startBit + 1)).toBeUndefined();
        expect(findMark(bytes.subarray(0, -1), 0)).toBeUndefined();
        for (let bit = startBit; bit < startBit + 48; bit++) {
          const changed = Uint8Array.from(bytes);
          changed[bit >> 3]! ^= 0x80 >> (bit & 7);
          expect(findMark(changed, 0)).toBeUndefined();
        }
      }
    }
  });

  it('cut a file into segments that are the file, whatever pieces it comes in', async () => {
    const parts = fc.array(fc.tuple(fc.constantFrom(...MARKS), BITS), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(BITS, parts, fc.integer({ min: 1, max: 40 }), async (head, rest, size) => {
        const digits = head + rest.flat().join('');
        const file = toBytes(digits);
        async function* pieces(): AsyncGenerator<Uint8Array> {
          for (let at = 0; at < file.length; at += size) yield file.subarray(at, at + size);
        }
        const found: string[] = [];
        for await (const segment of splitAtMarks(new StreamReader(pieces()))) {
          const { bytes, firstBit, bitCount, startByte } = segment;
          expect(toDigits(bytes)).toBe(
            toDigits(file.subarray(startByte, startByte + bytes.length)),
          );
          found.push(toDigits(bytes).slice(firstBit, firstBit + bitCount));
        }
        expect(found.join('')).toBe(toDigits(file));
        expect(found.length).toBe(1 + rest.length);
      }),
    );
  });
});
