/** Hashing in threads. */
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { expect, it, onTestFinished } from 'vitest';

import { hashRanges } from '../../src/bmap/hash-ranges.ts';
import { RangeSet } from '../../src/ranges/range-set.ts';
import { makeScratchFolder } from '../support/scratch.ts';

const MIB = 2 ** 20;
const bytes = Buffer.alloc(40 * MIB + 5, randomBytes(100_003));

function openSample() {
  const file = path.join(makeScratchFolder(), 'image');
  writeFileSync(file, bytes);
  const fileDescriptor = openSync(file, 'r');
  onTestFinished(() => closeSync(fileDescriptor));
  return { fileDescriptor, path: file, sizeBytes: bytes.length, algorithm: 'sha256' };
}

/** One large range, many small ones, and the end of the file. */
const ranges = RangeSet.of(
  { startByte: MIB, endByte: 25 * MIB + 4096 },
  ...Array.from({ length: 500 }, (_, index) => ({
    startByte: 26 * MIB + index * 16_384,
    endByte: 26 * MIB + index * 16_384 + 4096 * (1 + (index % 3)),
  })),
  { startByte: 38 * MIB, endByte: 41 * MIB },
);
const expected = [...ranges].map(({ startByte, endByte }) =>
  createHash('sha256').update(bytes.subarray(startByte, endByte)).digest('hex'),
);

it.each([1, 2, 5, undefined])('gives each digest its place with %s threads', async (threads) => {
  const seen: number[] = [];
  const digests = await hashRanges({
    ...openSample(),
    ranges,
    onProgress: (bytesDone) => seen.push(bytesDone),
    ...(threads !== undefined && { threads }),
  });
  expect(digests).toEqual(expected);
  expect(seen.at(-1)).toBe(ranges.lengthBytes - (41 * MIB - bytes.length));
  expect(seen).toEqual(seen.toSorted((left, right) => left - right));
});

it('stops all threads when one meets the end of the file', async () => {
  const beyond = RangeSet.of(...ranges, { startByte: 38 * MIB, endByte: 60 * MIB });
  const hashed = hashRanges({ ...openSample(), ranges: beyond, sizeBytes: 60 * MIB });
  await expect(hashed).rejects.toMatchObject({ code: 'BMAP_SYSTEM', kind: 'short-read' });
});

it('passes on what the system says', async () => {
  const fileDescriptor = openSync('/', 'r');
  onTestFinished(() => closeSync(fileDescriptor));
  const options = { ...openSample(), fileDescriptor, path: '/', ranges };
  await expect(hashRanges(options)).rejects.toMatchObject({ code: 'BMAP_SYSTEM', kind: 'EISDIR' });
});

it('passes on a mistake of the caller as what it is', async () => {
  const hashed = hashRanges({ ...openSample(), fileDescriptor: 0.5, ranges });
  await expect(hashed).rejects.toMatchObject({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
});

it('lets go of the file before it says that it was aborted', async () => {
  const abort = new AbortController();
  const hashed = hashRanges({ ...openSample(), ranges, signal: abort.signal });
  abort.abort(new Error('enough'));
  await expect(hashed).rejects.toThrow('enough');
});
