/** Crosses threads, so it runs the compiled program. */
import { mkdirSync, openSync, closeSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

import { scanFileForTest } from '../test/support/poison.ts';
import { describeWith, requireTools } from '../test/support/requirements.ts';
import { run } from '../test/support/run.ts';
import { makeScratchFolder } from '../test/support/scratch.ts';

const MiB = 1024 * 1024;
const program = '../dist/wasm/e2fsprogs.js';
const { findFreeRangesWithE2fsprogs } = (await import(program)) as typeof import('./e2fsprogs.ts');

/** A filesystem with some files, `startByte` behind the start of the file. */
function makeFilesystem(sizeBytes: number, options: string, startByte = 0): string {
  const folder = makeScratchFolder();
  const files = path.join(folder, 'files');
  mkdirSync(path.join(files, 'sub'), { recursive: true });
  for (let number = 1; number <= 20; number++) {
    writeFileSync(path.join(files, 'sub', `${number}`), new Uint8Array(number * 5000).fill(number));
  }
  const image = path.join(folder, 'image');
  writeFileSync(image, '');
  truncateSync(image, startByte + sizeBytes);
  const offset = startByte === 0 ? [] : ['-E', `offset=${startByte}`];
  const size = `${sizeBytes / 1024}K`;
  run('mke2fs', ['-q', '-F', ...options.split(' '), ...offset, '-d', files, image, size]);
  return image;
}

function patch(image: string, startByte: number, bytes: readonly number[]): void {
  const file = openSync(image, 'r+');
  writeSync(file, Uint8Array.from(bytes), 0, bytes.length, startByte);
  closeSync(file);
}

describeWith(requireTools('mke2fs'), 'e2fsprogs as a second reader', () => {
  it.each([
    [64, '-t ext4'],
    [64, '-t ext4 -b 4096 -O ^64bit,^flex_bg'],
    [64, '-t ext4 -O meta_bg,^resize_inode -b 1024'],
    [64, '-t ext4 -O sparse_super2,inline_data'],
    [64, '-t ext4 -O ^metadata_csum,uninit_bg'],
    [64, '-t ext4 -b 16384'],
    [1024, '-t ext4 -O quota,project -b 4096'],
    [48, '-t ext3 -b 2048'],
    [32, '-t ext2 -b 1024'],
    [32, '-t ext2 -r 0 -b 4096'],
  ])('agrees with our reader to the byte: %i MiB, %s', async (sizeMiB, options) => {
    const lengthBytes = sizeMiB * MiB;
    const image = makeFilesystem(lengthBytes, options);
    const answer = await findFreeRangesWithE2fsprogs({ path: image, startByte: 0, lengthBytes });
    const claim = (await scanFileForTest(image)).volumes[0]!.claims[0]!;
    expect(claim.released.isEmpty).toBe(false);
    expect(answer.kind === 'free' ? [...answer.free] : answer.reason).toEqual([...claim.released]);
  });

  it('reads a filesystem inside of a larger file, and nothing around it', async () => {
    const startByte = 3 * 512;
    const image = makeFilesystem(16 * MiB, '-t ext4', startByte);
    const answer = await findFreeRangesWithE2fsprogs({
      path: image,
      startByte,
      lengthBytes: 16 * MiB,
    });
    expect(answer.kind === 'free' && answer.free.lengthBytes).toBeGreaterThan(8 * MiB);
    const cut = await findFreeRangesWithE2fsprogs({ path: image, startByte, lengthBytes: MiB });
    expect(cut.kind).toBe('refused');
  });

  it.each([
    ['it does not know bigalloc', '-t ext4 -O bigalloc -C 65536'],
    ['it does not know blocks above 16 KiB', '-t ext4 -b 65536'],
  ])('is not asked: %s', async (reason, options) => {
    const image = makeFilesystem(64 * MiB, options);
    const request = { path: image, startByte: 0, lengthBytes: 64 * MiB };
    expect(await findFreeRangesWithE2fsprogs(request)).toEqual({ kind: 'refused', reason });
  });

  it('is not asked about 512 GiB or more, and survives what fills its memory', async () => {
    const image = path.join(makeScratchFolder(), 'image');
    writeFileSync(image, '');
    const ask = (sizeGiB: number) => {
      const lengthBytes = sizeGiB * 1024 * MiB;
      truncateSync(image, lengthBytes);
      run('mke2fs', ['-q', '-F', '-t', 'ext4', '-E', 'nodiscard', image]);
      return findFreeRangesWithE2fsprogs({ path: image, startByte: 0, lengthBytes });
    };
    expect(await ask(600)).toEqual({
      kind: 'refused',
      reason: 'it has no memory for 157286400 blocks',
    });
    const almost = await ask(500);
    expect(almost.kind === 'refused' && almost.reason).toContain('it failed: Aborted(OOM)');
  });

  it.each([
    ['it does not replay journals', 1024 + 0x60, [0xc6]],
    ['the filesystem was not unmounted or has errors', 1024 + 0x3a, [0]],
    ['the filesystem was not unmounted or has errors', 1024 + 0x3a, [3]],
    ['there is no superblock', 1024 + 0x38, [0]],
  ])('is not asked: %s', async (reason, startByte, bytes) => {
    const image = makeFilesystem(16 * MiB, '-t ext4');
    patch(image, startByte, bytes);
    const request = { path: image, startByte: 0, lengthBytes: 16 * MiB };
    expect(await findFreeRangesWithE2fsprogs(request)).toEqual({ kind: 'refused', reason });
  });

  it('refuses what is damaged, cut or missing', async () => {
    const image = makeFilesystem(16 * MiB, '-t ext4');
    const ask = async (lengthBytes: number, file = image): Promise<string> => {
      const request = { path: file, startByte: 0, lengthBytes };
      const answer = await findFreeRangesWithE2fsprogs(request);
      return answer.kind === 'refused' ? answer.reason : answer.kind;
    };
    expect(await ask(1024)).toBe('there is no superblock');
    expect(await ask(17 * MiB)).toContain('it failed');
    expect(await ask(16 * MiB, `${image}.missing`)).toContain('no such file');
    patch(image, 1024 + 0x200, [1, 2, 3, 4]);
    expect(await ask(16 * MiB)).toContain('it failed');
  });

  it('is stopped when it takes too long', async () => {
    const image = makeFilesystem(16 * MiB, '-t ext4');
    const request = { path: image, startByte: 0, lengthBytes: 16 * MiB, timeoutMs: 1 };
    expect(await findFreeRangesWithE2fsprogs(request)).toEqual({
      kind: 'refused',
      reason: 'it was not ready after 1 ms',
    });
  });

  it('leaves the image as it is', async () => {
    const image = makeFilesystem(16 * MiB, '-t ext4');
    const before = run('sha256sum', [image]);
    await findFreeRangesWithE2fsprogs({ path: image, startByte: 0, lengthBytes: 16 * MiB });
    expect(run('sha256sum', [image])).toBe(before);
  });
});
