/** Power cuts in the middle of random work on random filesystems. */
import {
  appendFileSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

import { makeSparseFile, randomGeometry } from '../support/ext-images.ts';
import { judgePowerCut } from '../support/power-cut-judge.ts';
import { syncFolder } from '../support/power-cut.ts';
import { SeededRandom } from '../support/random.ts';
import { describeWith, requireRoot, requireTools } from '../support/requirements.ts';
import { run, tryRun } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

const SEEDS = Array.from(
  { length: Number(process.env['BMAP_POWER_CUTS'] ?? '200') },
  (_, seed) => seed,
);

const needs = [
  ...requireRoot(),
  ...requireTools('mke2fs', 'e2fsck', 'debugfs', 'mount', 'losetup', 'sfdisk'),
];

describeWith(needs, 'a power cut in random work', () => {
  it.each(SEEDS)('loses nothing: seed %i', async (seed) => {
    const random = new SeededRandom(seed);
    const { sizeBytes, options } = mountableGeometry(seed);
    const mountOptions = random.pick([
      'data=ordered',
      'data=ordered,auto_da_alloc',
      'data=writeback',
      'data=journal',
      'journal_checksum',
      'data=writeback,journal_async_commit',
      'nodelalloc',
    ]);
    const work = (folder: string): void => workRandomly(folder, random);
    const { report } = await judgePowerCut({ sizeBytes, options, mountOptions, work });
    const codes = report.findings.map(({ code }) => code);
    // A log that went round with fast commits is not read.
    expect([['ext.journal.replayed'], ['ext.fast-commit-wrap']]).toContainEqual(codes);
  });
});

/** A random filesystem with a journal that the kernel mounts. */
function mountableGeometry(seed: number): { sizeBytes: number; options: string } {
  for (let attempt = seed * 1000; ; attempt++) {
    const geometry = randomGeometry(attempt);
    const isFit = /[,]has_journal/.test(geometry.options) && !/[^^]quota/.test(geometry.options);
    // Sectors of a loop device are whole.
    const sizeBytes = geometry.sizeBytes - (geometry.sizeBytes % 4096);
    if (!isFit) continue;
    const trial = path.join(makeScratchFolder(), 'trial');
    makeSparseFile(trial, sizeBytes);
    const { status } = tryRun('mke2fs', ['-q', '-F', ...geometry.options.split(' '), trial]);
    if (status === 0) return { sizeBytes, options: geometry.options };
  }
}

/** Between 20 and 320 acts, a third of them made durable. */
function workRandomly(folder: string, random: SeededRandom): void {
  const acts = 20 + random.below(300);
  let count = 0;
  const newName = (): string => path.join(anyFolder(folder, random), `r${count++}`);
  for (let act = 0; act < acts; act++) {
    const existing = anyFile(folder, random);
    switch (random.below(10)) {
      case 0:
      case 1:
      case 2:
        writeFileSync(newName(), random.bytes(random.below(random.pick([100, 20_000, 200_000]))));
        break;
      case 3:
        if (existing !== undefined) rmSync(existing);
        break;
      case 4:
        if (existing !== undefined) renameSync(existing, newName());
        break;
      case 5:
        mkdirSync(newName());
        break;
      case 6:
        if (existing !== undefined) appendFileSync(existing, random.bytes(random.below(50_000)));
        break;
      case 7:
        if (existing !== undefined) truncateSync(existing, random.below(100_000));
        break;
      case 8:
        symlinkSync('t'.repeat(1 + random.below(200)), newName());
        break;
      default:
        if (existing !== undefined) linkSync(existing, newName());
    }
    if (random.oneIn(3)) makeDurable(folder, random);
  }
  makeDurable(folder, random);
}

function makeDurable(folder: string, random: SeededRandom): void {
  const file = anyFile(folder, random);
  if (random.oneIn(40)) {
    run('sync', ['-f', folder]);
  } else if (file === undefined || random.oneIn(4)) {
    syncFolder(folder);
  } else {
    const descriptor = openSync(file, 'r+');
    fsyncSync(descriptor);
    closeSync(descriptor);
  }
}

function anyFolder(folder: string, random: SeededRandom): string {
  const inner = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  if (inner.length === 0 || random.oneIn(3)) return folder;
  return anyFolder(path.join(folder, random.pick(inner).name), random);
}

function anyFile(folder: string, random: SeededRandom): string | undefined {
  const inner = anyFolder(folder, random);
  const files = readdirSync(inner, { withFileTypes: true }).filter((entry) => entry.isFile());
  return files.length === 0 ? undefined : path.join(inner, random.pick(files).name);
}
