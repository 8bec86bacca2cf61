import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { StreamReader } from './stream-reader.ts';

const BYTES = Uint8Array.from({ length: 100 }, (_, index) => index);

/** A piece is overwritten when the next one is asked for. */
async function* inPieces(lengths: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const length of [...lengths, BYTES.length]) {
    const piece = BYTES.slice(at, at + length);
    at += length;
    if (piece.length > 0) yield piece;
    piece.fill(0xff);
  }
}

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of pieces) parts.push(Uint8Array.from(part));
  return Buffer.concat(parts);
}

/** Ways to take so many bytes. Each returns what it took. */
const MEANS: readonly ((reader: StreamReader, lengthBytes: number) => Promise<Uint8Array>)[] = [
  async (reader, lengthBytes) => reader.take(lengthBytes, 'x'),
  async (reader, lengthBytes) => collect(reader.pieces(lengthBytes, 'x')),
  async (reader) => (await reader.next(10)) ?? new Uint8Array(0),
  async (reader, lengthBytes) => {
    const skipped = await reader.peek(lengthBytes);
    await reader.skip(lengthBytes, 'x');
    return skipped;
  },
  async (reader, lengthBytes) => {
    reader.unread(await reader.take(lengthBytes, 'x'));
    return new Uint8Array(0);
  },
];

describe('StreamReader', () => {
  it('gives the same bytes in whatever pieces they come, and are asked for', async () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 30 }));
    const question = fc.record({
      lengthBytes: fc.integer({ min: 0, max: 40 }),
      means: fc.constantFrom(...MEANS),
    });
    await fc.assert(
      fc.asyncProperty(lengths, fc.array(question), async (pieces, questions) => {
        const reader = new StreamReader(inPieces(pieces));
        const got: Uint8Array[] = [];
        for (const { lengthBytes, means } of questions) {
          const startByte = reader.positionBytes;
          const expected = BYTES.subarray(startByte, startByte + lengthBytes);
          expect(Buffer.from(await reader.peek(lengthBytes)).equals(expected)).toBe(true);
          got.push(Uint8Array.from(await means(reader, expected.length)));
        }
        got.push(await collect(reader.rest()));
        expect(Buffer.concat(got).equals(BYTES)).toBe(true);
        expect(await reader.isAtEnd()).toBe(true);
      }),
    );
  });

  it('says where it ends too early', async () => {
    const taking = new StreamReader(inPieces([7])).take(101, 'header');
    await expect(taking).rejects.toMatchObject({
      kind: 'truncated',
      place: { structure: 'header', startByte: 100 },
    });
    await expect(new StreamReader(inPieces([7])).skip(101, 'header')).rejects.toMatchObject({
      kind: 'truncated',
    });
  });
});
