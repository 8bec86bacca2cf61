/**
 * Power cuts: the image is a copy of the file below a mounted filesystem, taken after an fsync and before
 * the next commit, so that what was synced exists in the tree log alone.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

import { EditableBtrfs } from '../support/btrfs-edit.ts';
import {
  fillWithFiles,
  fsyncFolder,
  judgeImage,
  makeEmptyImage,
  makePowerCut,
  MIB,
  noise,
  withBtrfs,
  withDevices,
  writeAndSync,
  type BtrfsImage,
} from '../support/btrfs-image.ts';
import { runBtrfs } from '../support/btrfs-tool.ts';
import { scanFileForTest } from '../support/poison.ts';
import { describeWith, requireRoot, requireTools } from '../support/requirements.ts';
import { run } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

interface Recipe {
  readonly title: string;
  readonly deviceCount?: number;
  readonly mkfs?: readonly string[];
  readonly mountOptions?: string;
  /** What happens between the last commit and the power cut. */
  readonly synced: (folder: string) => void;
}

const recipes: readonly Recipe[] = [
  { title: 'new files', synced: makeNewFiles },
  { title: 'files that grew', synced: appendToFiles },
  { title: 'renamed files', synced: renameFiles },
  { title: 'deleted and made again', synced: replaceFiles },
  { title: 'in subvolumes', synced: writeInSubvolumes },
  { title: 'preallocated and inline', synced: makeOddFiles },
  { title: 'everything at once', synced: doEverything },
  { title: 'nodes of 4 KiB', mkfs: ['-n', '4096'], synced: doEverything },
  { title: 'nodes of 64 KiB', mkfs: ['-n', '65536'], synced: doEverything },
  { title: 'data twice', mkfs: ['-d', 'dup', '-m', 'dup'], synced: doEverything },
  { title: 'mixed block groups', mkfs: ['--mixed'], synced: doEverything },
  { title: 'blake2', mkfs: ['--csum', 'blake2'], synced: makeNewFiles },
  { title: 'no free space tree', mkfs: ['-R', '^free-space-tree'], synced: doEverything },
  { title: 'zstd', mountOptions: 'compress-force=zstd', synced: doEverything },
  { title: 'raid1', deviceCount: 2, mkfs: ['-d', 'raid1', '-m', 'raid1'], synced: doEverything },
  { title: 'raid0', deviceCount: 2, mkfs: ['-d', 'raid0', '-m', 'raid0'], synced: doEverything },
  { title: 'raid5', deviceCount: 3, mkfs: ['-d', 'raid5', '-m', 'raid5'], synced: doEverything },
];

const needs = [
  ...requireRoot(),
  ...requireTools('mkfs.btrfs', 'btrfs', 'mount', 'losetup', 'sfdisk'),
];

describeWith(needs, 'poisoned btrfs after a power cut', () => {
  it.each(recipes.map((recipe) => [recipe.title, recipe] as const))(
    '%s',
    async (_title, recipe) => {
      const isParity = recipe.title === 'raid5';
      const { report } = await judgeImage(
        makePowerCut(() => makeImage(recipe)),
        { hasLog: true, isParity },
      );
      expect(report.findings.map(({ code }) => code)).toEqual(['btrfs.log-tree']);
      const claims = report.volumes.flatMap((volume) => volume.claims);
      expect(claims.map(({ facts }) => facts?.state)).toEqual(claims.map(() => 'replayed'));
    },
  );

  it('raid1 whose devices differ in their log', async () => {
    const recipe = { title: '', deviceCount: 2, mkfs: ['-d', 'raid1', '-m', 'raid1'] };
    const image = makePowerCut(() => makeImage({ ...recipe, synced: doEverything }));
    const { mapped } = await scanFileForTest(image.file);
    for (const { startByte } of image.devices) {
      const cut = new Uint8Array(readFileSync(image.file));
      new EditableBtrfs(cut.subarray(startByte)).patchSuperblock({ log_root: 0n });
      const file = `${image.file}.edited`;
      writeFileSync(file, cut);
      expect([...(await scanFileForTest(file)).mapped]).toEqual([...mapped]);
    }
  });

  it('without an fsync there is no log, and the last commit is what counts', async () => {
    const image = makeImage({ title: '', synced: (folder) => fillWithoutSync(folder) });
    expect((await judgeImage(image)).report.findings).toEqual([]);
  });
});

/** A copy of the image while it is mounted, after `synced`. */
function makeImage(recipe: Recipe): BtrfsImage {
  const sizes = Array.from({ length: recipe.deviceCount ?? 1 }, () => 256 * MIB);
  const image = makeEmptyImage(path.join(makeScratchFolder(), 'image'), sizes);
  const cut = { ...image, file: `${image.file}.cut` };
  withDevices(image, {}, (devices) => {
    run('mkfs.btrfs', ['--quiet', ...(recipe.mkfs ?? []), ...devices]);
    const options = ['commit=300', recipe.mountOptions].filter((part) => part !== undefined);
    withBtrfs(devices, { options: options.join(',') }, (folder) => {
      for (const name of ['sub-1', 'sub-2']) {
        runBtrfs(['subvolume', 'create', path.join(folder, name)]);
      }
      for (let index = 0; index < 40; index++) {
        writeFileSync(path.join(folder, `old-${index}`), noise(index, 3000 * index));
      }
      // The last of it is the commit that the log comes after.
      fillWithFiles(folder);
      recipe.synced(folder);
      run('cp', ['--sparse=always', image.file, cut.file]);
    });
  });
  return cut;
}

function makeNewFiles(folder: string): void {
  for (let index = 0; index < 20; index++) {
    writeAndSync(path.join(folder, `new-${index}`), noise(index + 200, 20_000 + 9000 * index));
  }
}

function appendToFiles(folder: string): void {
  for (let index = 10; index < 20; index++) {
    writeAndSync(path.join(folder, `old-${index}`), noise(index + 300, 70_000), 3000 * index);
  }
}

function renameFiles(folder: string): void {
  for (let index = 20; index < 26; index++) {
    const name = path.join(folder, `renamed-${index}`);
    renameSync(path.join(folder, `old-${index}`), name);
    writeAndSync(name, noise(index + 400, 50_000));
  }
}

function replaceFiles(folder: string): void {
  for (let index = 30; index < 36; index++) {
    const name = path.join(folder, `old-${index}`);
    rmSync(name);
    writeAndSync(name, noise(index + 500, 150_000));
  }
  rmSync(path.join(folder, 'old-36'));
  fsyncFolder(folder);
}

function writeInSubvolumes(folder: string): void {
  for (const name of ['sub-1', 'sub-2']) {
    const inner = path.join(folder, name, 'inner');
    mkdirSync(inner);
    for (let index = 0; index < 8; index++) {
      writeAndSync(path.join(inner, `file-${index}`), noise(index + 600, 60_000));
    }
  }
}

function makeOddFiles(folder: string): void {
  writeAndSync(path.join(folder, 'inline'), noise(700, 900));
  const name = path.join(folder, 'preallocated');
  run('fallocate', ['--length', '3MiB', name]);
  writeAndSync(name, noise(701, 100_000), 1_000_000);
  writeAndSync(path.join(folder, 'with-hole'), noise(702, 100_000), 5_000_000);
}

function doEverything(folder: string): void {
  makeNewFiles(folder);
  appendToFiles(folder);
  renameFiles(folder);
  replaceFiles(folder);
  writeInSubvolumes(folder);
  makeOddFiles(folder);
}

function fillWithoutSync(folder: string): void {
  for (let index = 0; index < 20; index++) {
    writeFileSync(path.join(folder, `lost-${index}`), noise(index + 800, 20_000));
  }
}
