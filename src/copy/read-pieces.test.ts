/** However a source is cut, and whatever is mapped: every byte of the plan comes out once, in order. */
import { closeSync, openSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import fc from 'fast-check';
import { expect, it } from 'vitest';

import { SeededRandom } from '../../test/support/random.ts';
import { makeScratchFolder } from '../../test/support/scratch.ts';
import { BufferPool } from './buffer-pool.ts';
import type { CopyPlan } from './copy-plan.ts';
import { readPieces } from './read-pieces.ts';
import type { ImageSource } from './source/image-source.ts';

const PIECE_BYTES = 2 ** 20;
const BLOCK_BYTES = 512;
const IMAGE = Buffer.from(new SeededRandom(1).bytes(3 * PIECE_BYTES + 300));
const never = new AbortController().signal;

function makePlan(bounds: readonly number[]): CopyPlan {
  const ranges = [];
  for (let index = 0; index + 1 < bounds.length; index += 2) {
    ranges.push({ startByte: bounds[index]!, endByte: bounds[index + 1]! });
  }
  return {
    imageSizeBytes: IMAGE.length,
    blockSizeBytes: BLOCK_BYTES,
    ranges,
    mappedBytes: undefined,
    digest: undefined,
    names: { map: 'map', target: 'target' },
  };
}

function makeStream(chunkBytes: readonly number[]): ImageSource {
  return {
    name: 'stream',
    sizeBytes: undefined,
    fileDescriptor: undefined,
    async *chunks(_, wanted) {
      expect(wanted).toBeDefined();
      let at = 0;
      for (let index = 0; at < IMAGE.length; index++) {
        const next = at + chunkBytes[index % chunkBytes.length]!;
        // A piece belongs to the reader only until it asks for the next.
        const chunk = Buffer.from(IMAGE.subarray(at, next));
        // What is not wanted need not be right.
        for (const { startByte, endByte } of wanted!.ranges.complementWithin(
          at,
          at + chunk.length,
        )) {
          chunk.fill(0xff, startByte - at, endByte - at);
        }
        yield chunk;
        chunk.fill(0);
        at = next;
      }
    },
    close: async () => {},
  };
}

async function expectAllPieces(source: ImageSource, plan: CopyPlan): Promise<void> {
  const pool = new BufferPool(3, PIECE_BYTES);
  let rangeIndex = 0;
  let position = plan.ranges[0]?.startByte ?? 0;
  for await (const piece of flatten(readPieces(source, plan, pool, never))) {
    const range = plan.ranges[rangeIndex]!;
    expect(piece.range).toBe(range);
    expect(piece.startByte).toBe(position);
    const expected = IMAGE.subarray(position, position + piece.bytes.length);
    expect(expected.equals(piece.bytes)).toBe(true);
    position += piece.bytes.length;
    expect(piece.isLastOfRange).toBe(position === range.endByte);
    if (piece.isLastOfRange) position = plan.ranges[++rangeIndex]?.startByte ?? -1;
    else expect(piece.bytes.length).toBe(PIECE_BYTES);
    pool.give(piece.buffer);
  }
  expect(rangeIndex).toBe(plan.ranges.length);
}

async function* flatten<T>(groups: AsyncIterable<readonly T[]>): AsyncGenerator<T> {
  for await (const group of groups) yield* group;
}

/** Ascending bounds of blocks, the last one perhaps short. */
const bounds = fc
  .uniqueArray(fc.nat(Math.ceil(IMAGE.length / BLOCK_BYTES)), { maxLength: 12 })
  .map((blocks) => blocks.toSorted((one, other) => one - other))
  .map((blocks) => blocks.map((block) => Math.min(block * BLOCK_BYTES, IMAGE.length)));
const chunkBytes = fc.array(fc.integer({ min: 1, max: 2 * PIECE_BYTES }), {
  minLength: 1,
  maxLength: 5,
});
// One byte at a time would take minutes.
const fastChunks = chunkBytes.filter((sizes) => Math.max(...sizes) > 10_000);

it('from a stream of any chunks', async () => {
  await fc.assert(
    fc.asyncProperty(bounds, fastChunks, async (some, sizes) =>
      expectAllPieces(makeStream(sizes), makePlan(some)),
    ),
    { numRuns: 60 },
  );
});

it('from a file', async () => {
  const file = path.join(makeScratchFolder(), 'image');
  writeFileSync(file, IMAGE);
  const fileDescriptor = openSync(file, 'r');
  try {
    const source = { ...makeStream([1]), fileDescriptor, sizeBytes: IMAGE.length };
    await fc.assert(
      fc.asyncProperty(bounds, async (some) => expectAllPieces(source, makePlan(some))),
      { numRuns: 60 },
    );
  } finally {
    closeSync(fileDescriptor);
  }
});

it('with the touching ranges that a map may have', async () => {
  const plan = makePlan([0, 512, 512, 1024, 1024, PIECE_BYTES + 512]);
  await expectAllPieces(makeStream([1000]), plan);
});
