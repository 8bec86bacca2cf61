import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';

import { expect, it, onTestFinished } from 'vitest';

import { makeScratchFolder } from '../test/support/scratch.ts';
import { readBlockSize } from './block-size.ts';
import { readExtents } from './fiemap.ts';
import { loadLibc } from './libc.ts';
import { seekData, seekHole } from './seek-hole.ts';

const MIB = 2 ** 20;

/** A file of 3 MiB with data in the middle one, opened for reading. */
function openSparse() {
  const file = path.join(makeScratchFolder(), 'sparse');
  writeFileSync(file, '');
  const fileDescriptor = openSync(file, 'r+');
  onTestFinished(() => closeSync(fileDescriptor));
  writeSync(fileDescriptor, Buffer.alloc(MIB, 1), 0, MIB, MIB);
  writeSync(fileDescriptor, '\0', 3 * MIB - 1);
  return { fileDescriptor, path: file };
}

it('finds data and holes', () => {
  const file = openSparse();
  expect(seekData(file, 0)).toBe(MIB);
  expect(seekHole(file, MIB)).toBe(2 * MIB);
  expect(seekData(file, 3 * MIB)).toBeUndefined();
});

it('finds the extents of a file, where its filesystem has them', () => {
  const file = openSparse();
  const extents = readExtents(file, 0, 3 * MIB);
  // tmpfs has none; SEEK_DATA was shown above.
  for (const { startByte, endByte } of extents ?? []) {
    expect(startByte).toBeGreaterThanOrEqual(MIB);
    expect(endByte).toBeLessThanOrEqual(3 * MIB);
  }
});

it('tells the block size of the filesystem', () => {
  expect(readBlockSize(openSparse().fileDescriptor)).toBeGreaterThanOrEqual(512);
});

it('names the error of a call that fails', () => {
  const closed = { fileDescriptor: 1_000_000, path: 'gone.img' };
  expect(() => seekData(closed, 0)).toThrow(expect.objectContaining({ kind: 'EBADF' }));
  expect(() => readExtents(closed, 0, 1)).toThrow('gone.img');
  expect(readBlockSize(closed.fileDescriptor)).toBeUndefined();
});

it('refuses numbers that koffi would bend', () => {
  const { fileDescriptor } = openSparse();
  for (const bad of [0.5, Number.NaN, 2 ** 53]) {
    expect(() => loadLibc().lseek(fileDescriptor, bad, 0)).toThrow(RangeError);
    expect(() => loadLibc().ioctl(bad, 2, new Uint8Array(4))).toThrow(RangeError);
  }
});
