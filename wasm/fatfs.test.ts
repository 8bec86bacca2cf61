/** Crosses threads, so it runs the compiled program. */
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

import { parseBootSector } from '../src/fs-probes/fat/boot-sector.ts';
import { RangeSet } from '../src/ranges/range-set.ts';
import { memoryVolume, scanFat } from '../test/support/fat-image.ts';
import { describeWith, requireTools } from '../test/support/requirements.ts';
import { run } from '../test/support/run.ts';
import { makeScratchFolder } from '../test/support/scratch.ts';

const MiB = 1024 * 1024;
const program = '../dist/wasm/fatfs.js';
const { findUsedRangesWithFatfs } = (await import(program)) as typeof import('./fatfs.ts');

/** A volume with files, directories, an empty file and holes where files were deleted. */
function makeVolume(sizeBytes: number, options: string): string {
  const image = makeEmptyVolume(sizeBytes, options);
  const folder = makeScratchFolder();
  const put = (name: string, lengthBytes: number): void => {
    const file = path.join(folder, 'file');
    writeFileSync(file, new Uint8Array(lengthBytes).fill(0x41 + (lengthBytes % 26)));
    run('mcopy', ['-i', image, file, `::${name}`]);
  };
  run('mmd', ['-i', image, '::/sub', '::/sub/A directory with a long name']);
  for (let number = 1; number <= 6; number++) put(`/${number}.bin`, number * 20_001);
  run('mdel', ['-i', image, '::/2.bin', '::/4.bin']);
  put('/sub/A directory with a long name/A file with a long name.txt', 100_003);
  put('/sub/empty', 0);
  put('/sub/whole', 65_536);
  return image;
}

function makeEmptyVolume(sizeBytes: number, options: string): string {
  const image = path.join(makeScratchFolder(), 'image');
  writeFileSync(image, '');
  truncateSync(image, sizeBytes);
  run('mkfs.fat', [...options.split(' '), image]);
  return image;
}

/** Grown to whole clusters and cut to the data area. */
function clustersIn(ranges: RangeSet, bytes: Uint8Array): readonly unknown[] {
  const { dataStartByte, clusterBytes } = parseBootSector(bytes.subarray(0, 512));
  const data = ranges
    .intersect(RangeSet.of({ startByte: dataStartByte, endByte: bytes.length }))
    .shift(-dataStartByte);
  return [...data.alignOut(clusterBytes, bytes.length)];
}

describeWith(requireTools('mkfs.fat', 'mcopy', 'mmd', 'mdel'), 'fatfs as a second reader', () => {
  it.each([
    [2, '-F 12'],
    [1, '-F 12 -s 1 -f 1'],
    [16, '-F 16'],
    [160, '-F 16 -s 64'],
    [48, '-F 16 -S 2048'],
    [40, '-F 32'],
    [300, '-F 32 -S 4096'],
  ])('finds the clusters that our reader finds: %i MiB, %s', async (sizeMiB, options) => {
    const lengthBytes = sizeMiB * MiB;
    const image = makeVolume(lengthBytes, options);
    const answer = await findUsedRangesWithFatfs({ path: image, startByte: 0, lengthBytes });
    expect(answer).toMatchObject({ kind: 'used' });
    if (answer.kind !== 'used') return;
    const bytes = new Uint8Array(readFileSync(image));
    const { used, kinds } = scanFat(memoryVolume(bytes));
    const inFiles = used.subtract(kinds.get('reserved') ?? RangeSet.empty);
    const theirs = RangeSet.of(...answer.used);
    expect(theirs.subtract(used).isEmpty).toBe(true);
    expect(clustersIn(theirs, bytes)).toEqual(clustersIn(inFiles, bytes));
  });

  it('reads a volume inside of a larger file', async () => {
    const image = makeVolume(16 * MiB, '-F 16');
    const whole = await findUsedRangesWithFatfs({
      path: image,
      startByte: 0,
      lengthBytes: 16 * MiB,
    });
    const shifted = `${image}.shifted`;
    writeFileSync(shifted, new Uint8Array(3 * 512));
    writeFileSync(shifted, readFileSync(image), { flag: 'a' });
    const part = await findUsedRangesWithFatfs({
      path: shifted,
      startByte: 3 * 512,
      lengthBytes: 16 * MiB,
    });
    expect(part.kind === 'used' && [...part.used]).toEqual(
      whole.kind === 'used' && [...whole.used],
    );
  });

  it('does not read the content of files', async () => {
    const image = makeVolume(40 * MiB, '-F 32');
    const bytes = readFileSync(image);
    const { dataStartByte } = parseBootSector(bytes.subarray(0, 512));
    const content = bytes.indexOf(Buffer.alloc(4096, 0x41 + (100_003 % 26)), dataStartByte);
    expect(content).toBeGreaterThan(dataStartByte);
    const request = { path: image, startByte: 0, lengthBytes: bytes.length };
    const before = await findUsedRangesWithFatfs(request);
    bytes.fill(0xff, content, content + 4096);
    writeFileSync(image, bytes);
    const after = await findUsedRangesWithFatfs(request);
    expect(before.kind === 'used' && before.used.covers(content, content + 4096)).toBe(true);
    expect(after.kind === 'used' && [...after.used]).toEqual(
      before.kind === 'used' && [...before.used],
    );
  });

  it.each([
    ['it would take FAT32 with 10050 clusters for another type', 5, '-F 32 -s 1'],
    ['the boot sector has no signature', 16, '-A'],
  ])('is not asked: %s', async (reason, sizeMiB, options) => {
    const image = makeEmptyVolume(sizeMiB * MiB, options);
    const request = { path: image, startByte: 0, lengthBytes: sizeMiB * MiB };
    expect(await findUsedRangesWithFatfs(request)).toEqual({ kind: 'refused', reason });
  });

  it('refuses what is damaged, cut or missing, and stops when it takes too long', async () => {
    const image = makeVolume(16 * MiB, '-F 16');
    const ask = async (lengthBytes: number, file = image, timeoutMs = 60_000): Promise<string> => {
      const request = { path: file, startByte: 0, lengthBytes, timeoutMs };
      const answer = await findUsedRangesWithFatfs(request);
      return answer.kind === 'refused' ? answer.reason : answer.kind;
    };
    expect(await ask(16 * MiB)).toBe('used');
    expect(await ask(8 * MiB)).toBe('it failed: Volume size mismatch!');
    expect(await ask(100)).toContain('it failed');
    expect(await ask(16 * MiB, `${image}.missing`)).toContain('no such file');
    expect(await ask(16 * MiB, image, 1)).toBe('it was not ready after 1 ms');
    const bytes = readFileSync(image);
    // A chain that ends in a free cluster.
    const { reservedBytes, fatBytes } = parseBootSector(bytes.subarray(0, 512));
    bytes.fill(0, reservedBytes + 4, reservedBytes + fatBytes);
    writeFileSync(image, bytes);
    expect(await ask(16 * MiB)).toContain('it failed');
  });
});
