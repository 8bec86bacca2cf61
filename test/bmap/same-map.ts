/** The judge of `bmap create`: bmaptool 3.6, which must write the same map for the same file. */
import path from 'node:path';

import { expect } from 'vitest';

import { withMount } from '../support/loop-device.ts';
import { run, runBmap } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';
import { writeImages, writeSparse } from '../support/sparse-images.ts';

export function expectSameMap(image: string, ...options: readonly string[]): string {
  const ours = runBmap(['create', ...options, image]);
  expect(ours).toMatchObject({ status: 0 });
  const theirs = run('bmaptool', ['-q', 'create', ...options, image]);
  expect(ours.stdout).toBe(theirs);
  return ours.stdout;
}

/** Compares the maps of many files in a folder of a filesystem with such blocks. */
export function expectSameMaps(
  folder: string,
  blockSize: number,
  randomCount: number,
  seed = 1,
): void {
  for (const image of writeImages(folder, randomCount, seed)) {
    expect(expectSameMap(image)).toContain(`<BlockSize> ${blockSize} </BlockSize>`);
  }
  const fallocated = path.join(folder, 'fallocated.img');
  writeSparse(fallocated, 5_000_000, [{ startByte: 1_000_000, lengthBytes: 10 }]);
  run('fallocate', ['--offset', '2000000', '--length', '300000', '--keep-size', fallocated]);
  run('fallocate', ['--offset', '4900000', '--length', '200000', '--keep-size', fallocated]);
  expectSameMap(fallocated);
  expectSameMap(fallocated, '--no-checksum');
}

/** Runs `body` with a folder on a new filesystem of that kind. */
export function withHost(
  mkfs: readonly string[],
  type: string,
  body: (folder: string) => void,
): void {
  const disk = path.join(makeScratchFolder(), 'disk');
  writeSparse(disk, 512 * 2 ** 20, []);
  run(mkfs[0]!, [...mkfs.slice(1), disk]);
  withMount(disk, { type }, body);
}

/** The filesystems of the kernel that tell about holes, and the block size they report. */
export const hosts: readonly [
  title: string,
  mkfs: readonly string[],
  type: string,
  block: number,
][] = [
  ['ext4', ['mke2fs', '-q', '-t', 'ext4', '-b', '4096'], 'ext4', 4096],
  ['ext4 with 1 KiB blocks', ['mke2fs', '-q', '-t', 'ext4', '-b', '1024'], 'ext4', 1024],
  ['xfs', ['mkfs.xfs', '-q'], 'xfs', 4096],
  ['btrfs', ['mkfs.btrfs', '-q'], 'btrfs', 4096],
];
