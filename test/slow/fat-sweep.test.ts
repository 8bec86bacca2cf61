/** Poison tests of random FAT volumes: whatever options of mkfs.fat can be combined. */
import path from 'node:path';
import { expect, it } from 'vitest';

import { makeFatVolume, poisonFatVolume } from '../support/fat-volumes.ts';
import { describeWith, requireTools } from '../support/requirements.ts';
import { tryRun } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

const MiB = 1024 * 1024;
const ROUNDS = 300;
/** mtools tells FAT32 by the count of clusters, so it cannot fill smaller ones. */
const MTOOLS_FAT32_FROM_CLUSTERS = 65_525;

const needs = requireTools('mkfs.fat', 'fsck.fat', 'mcopy', 'mdir', 'mmd', 'mdel', 'sfdisk');

describeWith(needs, 'random options of mkfs.fat', () => {
  it.each(Array.from({ length: ROUNDS }, (_, seed) => seed))('seed %i', async (seed) => {
    const folder = makeScratchFolder();
    // Not every combination is possible, and mtools cannot fill every one that is.
    let attempt = seed * 1000;
    while (makeFatVolume(folder, randomGeometry(attempt)) !== undefined || !canBeFilled(folder)) {
      attempt++;
    }
    const result = await poisonFatVolume(folder);
    expect(result.warnings).toEqual([]);
    expect(result.after).toEqual(result.before);
    expect(result.releasedBytes).toBe(result.freeBytes ?? result.releasedBytes);
  });
});

function canBeFilled(folder: string): boolean {
  return tryRun('mdir', ['-i', path.join(folder, 'image'), '::']).status === 0;
}

function randomGeometry(seed: number) {
  let state = seed + 1;
  const random = (end: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * end);
  };
  const pick = <T>(...choices: readonly T[]): T => choices[random(choices.length)]!;
  const bits = pick(12, 16, 32);
  const sectorBytes = pick(512, 512, 1024, 2048, 4096);
  const sectorsPerCluster = pick(1, 1, 2, 4, 8, 16);
  const clusterBytes = sectorBytes * sectorsPerCluster;
  const [fewest, most] = { 12: [200, 4080], 16: [4200, 20_000], 32: [65_600, 80_000] }[bits] as [
    number,
    number,
  ];
  const clusters = Math.min(fewest + random(most - fewest), Math.floor((512 * MiB) / clusterBytes));
  const isTooSmall = bits === 32 && clusters < MTOOLS_FAT32_FROM_CLUSTERS;
  const perCluster = isTooSmall ? 1 : sectorsPerCluster;
  const count = isTooSmall ? MTOOLS_FAT32_FROM_CLUSTERS + 100 : clusters;
  const options = [
    `-F ${bits} -S ${sectorBytes} -s ${perCluster} -f ${1 + random(4)}`,
    ...(random(2) === 0 ? ['-a'] : []),
    ...(random(3) === 0 ? [`-R ${(bits === 32 ? 9 : 1) + random(60)}`] : []),
    ...(bits !== 32 && random(3) === 0 ? [`-r ${((4 + random(30)) * sectorBytes) / 32}`] : []),
    ...(random(4) === 0 ? ['--mbr=y'] : []),
    ...(random(3) === 0 ? [`-h ${random(5000)}`] : []),
  ];
  // Room for the tables and the root directory, and a tail that is no whole cluster.
  const sizeBytes = count * sectorBytes * perCluster + MiB + random(8) * 512;
  return { sizeBytes, options: options.join(' ') };
}
