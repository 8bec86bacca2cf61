import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { expect, it, onTestFinished } from 'vitest';

import { makeScratchFolder } from '../../../test/support/scratch.ts';
import { PartThread } from './part-thread.ts';

function open(file: string, flags: string): number {
  const fileDescriptor = openSync(file, flags);
  onTestFinished(() => closeSync(fileDescriptor));
  return fileDescriptor;
}

function startThread(): PartThread {
  const thread = new PartThread();
  onTestFinished(async () => thread.close());
  return thread;
}

/** Parts of 10 bytes: the first of the memory is the last of the file. */
const PARTS = Float64Array.from([0, 10, 90, 10, 10, 50, 20, 10, 0]);

it('reads each part from its place in the file to its place in memory', async () => {
  const file = path.join(makeScratchFolder(), 'content');
  const content = Buffer.from(Array.from({ length: 100 }, (_, index) => index));
  writeFileSync(file, content);
  const memory = new SharedArrayBuffer(40);
  const job = { isWrite: false, fileDescriptor: open(file, 'r'), memory, parts: PARTS };
  await expect(startThread().run(job)).resolves.toEqual({ kind: 'done' });
  const read = (startByte: number) => [...content.subarray(startByte, startByte + 10)];
  const rest = Array.from({ length: 10 }, () => 0);
  expect([...new Uint8Array(memory)]).toEqual([...read(90), ...read(50), ...read(0), ...rest]);
});

it('writes each part, and nothing else', async () => {
  const file = path.join(makeScratchFolder(), 'content');
  writeFileSync(file, Buffer.alloc(100, 0xff));
  const memory = new SharedArrayBuffer(30);
  new Uint8Array(memory).forEach((_, index, bytes) => (bytes[index] = index));
  const job = { isWrite: true, fileDescriptor: open(file, 'r+'), memory, parts: PARTS };
  const thread = startThread();
  await expect(thread.run(job)).resolves.toEqual({ kind: 'done' });
  const expected = Buffer.alloc(100, 0xff);
  for (let index = 0; index < 10; index++) {
    expected[90 + index] = index;
    expected[50 + index] = 10 + index;
    expected[index] = 20 + index;
  }
  expect([...readFileSync(file)]).toEqual([...expected]);
});

it('says where a file ends, and where a call fails', async () => {
  const file = path.join(makeScratchFolder(), 'content');
  writeFileSync(file, Buffer.alloc(55));
  const memory = new SharedArrayBuffer(30);
  const parts = Float64Array.from([0, 10, 0, 10, 10, 50, 20, 10, 0]);
  const thread = startThread();
  const reading = { isWrite: false, fileDescriptor: open(file, 'r'), memory, parts };
  await expect(thread.run(reading)).resolves.toEqual({ kind: 'ended', atByte: 55 });
  await expect(thread.run({ ...reading, isWrite: true })).resolves.toMatchObject({
    kind: 'failed',
    atByte: 0,
    code: 'EBADF',
  });
});

it('rejects what it was asked for before it was closed, and starts anew', async () => {
  const file = path.join(makeScratchFolder(), 'content');
  writeFileSync(file, Buffer.alloc(100));
  const memory = new SharedArrayBuffer(30);
  const job = { isWrite: false, fileDescriptor: open(file, 'r'), memory, parts: PARTS };
  const thread = startThread();
  const jobs = Array.from({ length: 2000 }, async () => thread.run(job));
  const settled = Promise.allSettled(jobs);
  await thread.close();
  expect((await settled).map(({ status }) => status)).toContain('rejected');
  await expect(thread.run(job)).resolves.toEqual({ kind: 'done' });
  // What is not for numbers is our own mistake.
  await expect(thread.run({ ...job, fileDescriptor: NaN })).rejects.toThrow(/fd/);
});
