import { createHash, randomBytes } from 'node:crypto';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

import { makeScratchFolder } from '../../test/support/scratch.ts';
import type { Bmap } from './bmap.ts';
import { findBadRanges } from './verify-ranges.ts';

const bytes = randomBytes(3_000_001);

function openSample(content: Uint8Array = bytes) {
  const file = path.join(makeScratchFolder(), 'image');
  writeFileSync(file, content);
  return openFile(file);
}

function openFile(file: string) {
  const fileDescriptor = openSync(file, 'r');
  onTestFinished(() => closeSync(fileDescriptor));
  return { fileDescriptor, path: file };
}

/** Blocks 1 to 600 and, beside them, 601; the last one, which is cut; and one without a checksum. */
function makeMap(): Bmap {
  const lastBlock = Math.ceil(bytes.length / 4096) - 1;
  const hash = (firstBlock: number, last: number) => ({
    firstBlock,
    lastBlock: last,
    checksum: createHash('sha256')
      .update(bytes.subarray(firstBlock * 4096, (last + 1) * 4096))
      .digest('hex'),
  });
  const ranges = [
    hash(1, 600),
    hash(601, 601),
    { firstBlock: 603, lastBlock: 603 },
    hash(lastBlock, lastBlock),
  ];
  return {
    version: '2.0',
    imageSizeBytes: bytes.length,
    blockSizeBytes: 4096,
    blockCount: lastBlock + 1,
    mappedBlockCount: 603,
    checksumType: 'sha256',
    ranges,
  };
}

it('finds nothing wrong with the bytes that the map was made of', async () => {
  const seen: number[] = [];
  const file = openSample();
  const onProgress = (done: number, total: number) => seen.push(done, total);
  expect(await findBadRanges({ file, bmap: makeMap(), onProgress })).toEqual({
    bad: [],
    uncheckedCount: 1,
  });
  expect(seen.at(-1)).toBe(seen.at(-2));
});

it('names each range of which a byte differs, and no other', async () => {
  for (const [place, index] of [
    [4096, 0],
    [601 * 4096 - 1, 0],
    [601 * 4096, 1],
    [bytes.length - 1, 3],
  ] as const) {
    const changed = Uint8Array.from(bytes);
    changed[place] = changed[place]! ^ 1;
    const bmap = makeMap();
    const { bad } = await findBadRanges({ file: openSample(changed), bmap });
    const range = bmap.ranges[index]!;
    expect(bad).toHaveLength(1);
    expect(bad[0]).toMatchObject({
      startByte: range.firstBlock * 4096,
      endByte: Math.min((range.lastBlock + 1) * 4096, bytes.length),
      reason: 'checksum',
      expected: range.checksum,
    });
  }
  for (const place of [0, 602 * 4096, 603 * 4096]) {
    const changed = Uint8Array.from(bytes);
    changed[place] = changed[place]! ^ 1;
    expect((await findBadRanges({ file: openSample(changed), bmap: makeMap() })).bad).toEqual([]);
  }
});

it('calls bad what is not there', async () => {
  const cut = bytes.subarray(0, 602 * 4096 + 5);
  const bad = [{ startByte: 732 * 4096, endByte: bytes.length, reason: 'past-end' }];
  expect((await findBadRanges({ file: openSample(cut), bmap: makeMap() })).bad).toEqual(bad);
});

it('calls bad what cannot be read, and goes on', async () => {
  // The memory of a process, in which nothing is mapped so low.
  const file = openFile('/proc/self/mem');
  const { bad } = await findBadRanges({ file, bmap: makeMap() });
  expect(bad.map(({ reason }) => reason)).toEqual(['unreadable', 'unreadable', 'unreadable']);
});

it('fails where all fails', async () => {
  const folder = makeScratchFolder();
  const file = openFile(folder);
  await expect(findBadRanges({ file, bmap: makeMap() })).rejects.toMatchObject({ kind: 'EISDIR' });
  const unknown = { ...makeMap(), checksumType: 'sha257' };
  await expect(findBadRanges({ file, bmap: unknown })).rejects.toThrow(RangeError);
  const signal = AbortSignal.abort(new Error('stop'));
  await expect(findBadRanges({ file, bmap: makeMap(), signal })).rejects.toThrow('stop');
});
