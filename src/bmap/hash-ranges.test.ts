import { createHash, randomBytes } from 'node:crypto';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { expect, it, onTestFinished } from 'vitest';

import { makeScratchFolder } from '../../test/support/scratch.ts';
import { SystemError } from '../errors/errors.ts';
import { RangeSet } from '../ranges/range-set.ts';
import { planHashJob, runHashJob } from './hash-job.ts';
import { hashRanges } from './hash-ranges.ts';
import { readBytesDone, stopWork } from './shared-ranges.ts';

// Small jobs only: they run without threads. Threads are tested on the compiled files in test/bmap.
const bytes = randomBytes(3_000_001);

function openSample() {
  const file = path.join(makeScratchFolder(), 'image');
  writeFileSync(file, bytes);
  const fileDescriptor = openSync(file, 'r');
  onTestFinished(() => closeSync(fileDescriptor));
  return { fileDescriptor, path: file, sizeBytes: bytes.length };
}

function digest(algorithm: string, startByte: number, endByte: number): string {
  return createHash(algorithm).update(bytes.subarray(startByte, endByte)).digest('hex');
}

it('hashes each range, the last one as far as the image goes', async () => {
  const ranges = RangeSet.of(
    { startByte: 0, endByte: 4096 },
    { startByte: 8192, endByte: 2_500_000 },
    { startByte: 2_998_272, endByte: 3_002_368 },
  );
  const seen: number[] = [];
  const digests = await hashRanges({
    ...openSample(),
    ranges,
    algorithm: 'sha256',
    onProgress: (bytesDone) => seen.push(bytesDone),
  });
  expect(digests).toEqual([
    digest('sha256', 0, 4096),
    digest('sha256', 8192, 2_500_000),
    digest('sha256', 2_998_272, bytes.length),
  ]);
  expect(seen).toEqual([4096 + 2_500_000 - 8192 + bytes.length - 2_998_272]);
});

it('knows the digests of old maps', async () => {
  const ranges = RangeSet.of({ startByte: 0, endByte: 10 });
  const options = { ...openSample(), ranges };
  expect(await hashRanges({ ...options, algorithm: 'sha1' })).toEqual([digest('sha1', 0, 10)]);
  await expect(hashRanges({ ...options, algorithm: 'sha257' })).rejects.toThrow(RangeError);
});

it('has nothing to do for no ranges', async () => {
  const options = { ...openSample(), ranges: RangeSet.empty, algorithm: 'sha256' };
  expect(await hashRanges(options)).toEqual([]);
});

it('says where the file ended too early', async () => {
  const ranges = RangeSet.of({ startByte: 0, endByte: 4_000_000 });
  const hashing = hashRanges({
    ...openSample(),
    ranges,
    sizeBytes: 4_000_000,
    algorithm: 'sha256',
  });
  await expect(hashing).rejects.toThrow(SystemError);
  await expect(hashing).rejects.toMatchObject({
    kind: 'short-read',
    message: expect.stringContaining(`byte ${bytes.length}`) as string,
  });
});

it('passes on what the system says', async () => {
  const fileDescriptor = openSync('/', 'r');
  onTestFinished(() => closeSync(fileDescriptor));
  const ranges = RangeSet.of({ startByte: 0, endByte: 1 });
  const options = { fileDescriptor, path: '/', ranges, sizeBytes: 1, algorithm: 'sha256' };
  await expect(hashRanges(options)).rejects.toMatchObject({ kind: 'EISDIR', path: '/' });
});

it('refuses a range behind the end, and does nothing once aborted', async () => {
  const ranges = RangeSet.of({ startByte: 4_000_000, endByte: 4_000_001 });
  const options = { ...openSample(), ranges, algorithm: 'sha256' };
  await expect(hashRanges(options)).rejects.toThrow(RangeError);
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(hashRanges({ ...options, signal })).rejects.toThrow('enough');
});

it('ends a job after the chunk it is at when it is stopped', () => {
  const { fileDescriptor } = openSample();
  const job = planHashJob(fileDescriptor, 'sha256', 32, [0, 2_000_000]);
  stopWork(job.ranges);
  expect(runHashJob(job)).toEqual({ kind: 'stopped' });
  expect(readBytesDone(job.ranges)).toBe(0);
});
