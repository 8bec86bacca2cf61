import { closeSync, fstatSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { expect, it, onTestFinished } from 'vitest';

import { makeScratchFolder } from '../test/support/scratch.ts';
import { copyRange } from './copy-range.ts';
import { punchHole } from './fallocate.ts';
import type { OpenFile } from './libc.ts';
import { lockWholeFile } from './record-lock.ts';
import { seekHole } from './seek-hole.ts';

const MIB = 2 ** 20;

function open(file: string, flags = 'r+'): OpenFile {
  const fileDescriptor = openSync(file, flags);
  onTestFinished(() => closeSync(fileDescriptor));
  return { fileDescriptor, path: file };
}

const CONTENT = new Uint8Array(3 * MIB).map((_, index) => 1 + (index % 251));

function makeFile(): string {
  const file = path.join(makeScratchFolder(), 'content');
  writeFileSync(file, CONTENT);
  return file;
}

it('punches a hole and keeps the size', async () => {
  const file = makeFile();
  const handle = open(file);
  const before = fstatSync(handle.fileDescriptor).blocks;
  expect(await punchHole(handle, MIB, MIB)).toBe(true);
  expect(seekHole(handle, 0)).toBe(MIB);
  expect(statSync(file).size).toBe(3 * MIB);
  expect(statSync(file).blocks).toBeLessThan(before);
  const expected = CONTENT.slice().fill(0, MIB, 2 * MIB);
  expect(readFileSync(file).equals(expected)).toBe(true);
});

it('names the error of a punch that fails', async () => {
  const readOnly = open(makeFile(), 'r');
  await expect(punchHole(readOnly, 0, MIB)).rejects.toMatchObject({ kind: 'EBADF' });
  await expect(punchHole(readOnly, 0.5, MIB)).rejects.toThrow(RangeError);
});

it('locks a file against other open files, until it is closed', () => {
  const file = makeFile();
  const first = openSync(file, 'r+');
  const second = open(file);
  expect(lockWholeFile({ fileDescriptor: first, path: file })).toBe(true);
  expect(lockWholeFile(second)).toBe(false);
  // Unlike with the older kind of lock, another descriptor of the file may be closed.
  closeSync(openSync(file, 'r'));
  expect(lockWholeFile(second)).toBe(false);
  closeSync(first);
  expect(lockWholeFile(second)).toBe(true);
});

it('copies a range to the same place', async () => {
  const from = open(makeFile(), 'r');
  const target = path.join(makeScratchFolder(), 'copy');
  const to = open(target, 'w+');
  let atByte = MIB;
  while (atByte < 2 * MIB) atByte += (await copyRange(from, to, atByte, 2 * MIB - atByte))!;
  const expected = CONTENT.slice(0, 2 * MIB).fill(0, 0, MIB);
  expect(readFileSync(target).equals(expected)).toBe(true);
});

it('says when the kernel cannot copy, and fails where it should', async () => {
  const from = open(makeFile(), 'r');
  const target = path.join(makeScratchFolder(), 'copy');
  writeFileSync(target, '');
  expect(await copyRange(from, open('/dev/null'), 0, 4096)).toBeUndefined();
  // Behind its end there is nothing to copy, which must not look like success.
  expect(await copyRange(from, open(target), 3 * MIB, 4096)).toBeUndefined();
  const readOnly = open(target, 'r');
  await expect(copyRange(from, readOnly, 0, 4096)).rejects.toMatchObject({ kind: 'EBADF' });
});
