/** Copies from file to file that go in lanes, and those that must not. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { expect, it, onTestFinished } from 'vitest';

import { copyImage } from '../../src/copy/copy-image.ts';
import type { CopyOptions } from '../../src/copy/copy-options.ts';
import { SYSTEM_IO } from '../../src/copy/target/target-io.ts';
import { RangeSet } from '../../src/ranges/range-set.ts';
import { expectCopied, makeCopyFixture, patchFile } from '../support/copy-fixture.ts';

const MIB = 2 ** 20;
const SIZE_BYTES = 72 * MIB + 77;
const MAPPED = RangeSet.of(
  { startByte: 0, endByte: 25 * MIB },
  { startByte: 26 * MIB, endByte: 27 * MIB },
  { startByte: 28 * MIB, endByte: 53 * MIB },
  { startByte: 54 * MIB, endByte: SIZE_BYTES },
);

/** How many threads were started so far. */
function countThreads(): () => number {
  let count = 0;
  const onWorker = (): void => void count++;
  process.on('worker', onWorker);
  onTestFinished(() => void process.off('worker', onWorker));
  return () => count;
}

it('writes over a file what the image has, in several threads', async () => {
  const fixture = await makeCopyFixture({ sizeBytes: SIZE_BYTES, mapped: MAPPED });
  const target = path.join(fixture.folder, 'target');
  const threads = countThreads();
  await copyImage({ image: fixture.image, targets: [target] });
  expect(threads()).toBeGreaterThan(1);
  expectCopied(target, fixture, 0);
  // What is there now does not survive a copy of an image with less in it.
  const last = RangeSet.of({ startByte: 0, endByte: SIZE_BYTES - MIB });
  const other = await makeCopyFixture({ sizeBytes: SIZE_BYTES, mapped: MAPPED.intersect(last) });
  await copyImage({ image: other.image, targets: [target] });
  expectCopied(target, other, 0);
});

it('leaves what was right, and says that it is not all', async () => {
  const fixture = await makeCopyFixture({ sizeBytes: SIZE_BYTES, mapped: MAPPED });
  patchFile(fixture.image, 60 * MIB, Uint8Array.of(fixture.bytes[60 * MIB]! ^ 1));
  const target = path.join(fixture.folder, 'target');
  await expect(copyImage({ image: fixture.image, targets: [target] })).rejects.toMatchObject({
    kind: 'range-checksum',
    targetState: 'partial',
  });
  const end = readFileSync(target).subarray(SIZE_BYTES - 8 * MIB);
  expect(end.every((byte) => byte === 0)).toBe(true);
});

it.each<[string, Partial<CopyOptions>]>([
  ['what is read back, unit by unit', { verifyTarget: true }],
  ['writes that somebody else makes', { io: SYSTEM_IO }],
])('is not for %s', async (_, options) => {
  const fixture = await makeCopyFixture({ sizeBytes: SIZE_BYTES, mapped: MAPPED });
  const target = path.join(fixture.folder, 'target');
  const threads = countThreads();
  await copyImage({ image: fixture.image, targets: [target], ...options });
  expect(threads()).toBe(0);
  expectCopied(target, fixture, 0);
});
