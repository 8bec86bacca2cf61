/** Several devices, as partitions of one image: every profile, seeds, and devices that are missing. */
import { openSync, closeSync, writeSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

import {
  fillWithFiles,
  judgeImage,
  makeEmptyImage,
  MIB,
  withBtrfs,
  withDevices,
  withDevicesApart,
  type BtrfsImage,
} from '../support/btrfs-image.ts';
import { runBtrfs } from '../support/btrfs-tool.ts';
import { scanFileForTest } from '../support/poison.ts';
import { describeWith, requireRoot, requireTools } from '../support/requirements.ts';
import { run } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

interface Recipe {
  readonly title: string;
  readonly deviceCount: number;
  readonly mkfs: readonly string[];
  readonly live?: (folder: string, devices: readonly string[]) => void;
}

const raid = (title: string, deviceCount: number, data: string, metadata: string): Recipe => {
  return { title, deviceCount, mkfs: ['-d', data, '-m', metadata] };
};

const recipes: readonly Recipe[] = [
  raid('single on two devices', 2, 'single', 'single'),
  raid('raid0', 2, 'raid0', 'raid0'),
  raid('raid0 of three', 3, 'raid0', 'raid1'),
  raid('raid1', 2, 'raid1', 'raid1'),
  raid('raid1 of three', 3, 'raid1', 'raid1'),
  raid('raid1c3', 3, 'raid1c3', 'raid1c3'),
  raid('raid1c4', 4, 'raid1c4', 'raid1c4'),
  raid('raid10', 4, 'raid10', 'raid10'),
  raid('raid5', 3, 'raid5', 'raid5'),
  raid('raid5 of two', 2, 'raid5', 'raid5'),
  raid('raid6', 4, 'raid6', 'raid6'),
  raid('raid6 of three', 3, 'raid6', 'raid1c3'),
  {
    title: 'mixed block groups in raid1',
    deviceCount: 2,
    mkfs: ['-M', '-d', 'raid1', '-m', 'raid1'],
  },
  {
    ...raid('converted to raid1', 2, 'single', 'single'),
    live: (folder) => {
      runBtrfs(['balance', 'start', '-dconvert=raid1', '-mconvert=raid1', folder]);
      fillWithFiles(folder, 2);
    },
  },
  {
    ...raid('converted from raid0 to raid10', 4, 'raid0', 'raid0'),
    live: (folder) => {
      runBtrfs(['balance', 'start', '-dconvert=raid10', '-mconvert=raid10', folder]);
    },
  },
];

const needs = [
  ...requireRoot(),
  ...requireTools('mkfs.btrfs', 'btrfs', 'btrfstune', 'mount', 'losetup', 'sfdisk'),
];

describeWith(needs, 'poisoned btrfs on several devices', () => {
  it.each(recipes.map((recipe) => [recipe.title, recipe] as const))(
    '%s',
    async (_title, recipe) => {
      const isParity = recipe.title.startsWith('raid5') || recipe.title.startsWith('raid6');
      const { report } = await judgeImage(makeImage(recipe), { isParity });
      expect(report.findings).toEqual([]);
    },
  );

  it('a device was removed', async () => {
    const image = makeImage({
      ...raid('', 3, 'single', 'raid1'),
      live: (folder, devices) => void runBtrfs(['device', 'remove', devices[2]!, folder]),
    });
    const two = { ...image, devices: image.devices.slice(0, 2) };
    expect((await judgeImage(two)).report.findings).toEqual([]);
  });

  it('a device was replaced', async () => {
    const image = makeEmptyImage(
      path.join(makeScratchFolder(), 'image'),
      [200, 200, 200].map((size) => size * MIB),
    );
    withDevicesApart(image, ([first, second, third]) => {
      run('mkfs.btrfs', ['--quiet', '-d', 'raid1', '-m', 'raid1', first!, second!]);
      withBtrfs([first!, second!], {}, (folder) => {
        fillWithFiles(folder);
        runBtrfs(['replace', 'start', '-B', '-f', second!, third!, folder]);
      });
    });
    const [first, , third] = image.devices;
    expect((await judgeImage({ ...image, devices: [first!, third!] })).report.findings).toEqual([]);
  });

  it('a seed and its sprout', async () => {
    const image = makeSprout();
    const { report } = await judgeImage(image, { mountedDevice: 1 });
    expect(report.findings).toEqual([]);
    // The seed goes on being a filesystem of its own.
    const seed = { file: image.file, devices: image.devices.slice(0, 1) };
    await judgeImage(seed, { isReadOnly: true });
  });

  it('one of two mirrored devices is missing', async () => {
    const image = makeImage(raid('', 2, 'raid1', 'raid1'));
    const exact = await mappedOf(image, 0);
    wipeSuperblock(image, 1);
    const rest = { ...image, devices: image.devices.slice(0, 1) };
    const { report } = await judgeImage(rest, { mountOptions: 'degraded' });
    expect(report.findings.map(({ code }) => code)).toEqual(['btrfs.device-missing']);
    expect(report.volumes[1]!.mappedBytes).toBe(exact);
  });

  it('a device that was away for a while', async () => {
    const image = makeImage(raid('', 2, 'raid1', 'raid1'));
    const first = { ...image, devices: image.devices.slice(0, 1) };
    withDevices(first, {}, (devices) => {
      withBtrfs(devices, { options: 'degraded' }, (folder) => fillWithFiles(folder, 2, 30));
    });
    const { report } = await judgeImage(image, { hasErrors: true });
    expect(report.findings.map(({ code }) => code)).toContain('btrfs.device-generation');
  });

  it('one device is missing, and no other has what was on it', async () => {
    const striped = makeImage(raid('', 3, 'raid0', 'raid0'));
    const spread = makeImage(raid('', 2, 'single', 'raid1'));
    const codes: string[][] = [];
    for (const image of [striped, spread]) {
      const exact = (await scanFileForTest(image.file)).mapped;
      wipeSuperblock(image, image.devices.length - 1);
      const { mapped, findings } = await scanFileForTest(image.file);
      expect([...exact.subtract(mapped)]).toEqual([]);
      codes.push(findings.map(({ code }) => code));
    }
    // Which nodes are striped to the device that is gone, even those of the chunk tree, is chance.
    expect(codes[0]![0]).toMatch(/^btrfs\.(device-missing|tree-node)$/);
    expect(codes[1]).toEqual(['btrfs.device-missing']);
  });

  it('a sprout without its seed', async () => {
    const image = makeSprout();
    const exact = (await scanFileForTest(image.file)).mapped;
    wipeSuperblock(image, 0);
    const { mapped, findings } = await scanFileForTest(image.file);
    expect([...exact.subtract(mapped)]).toEqual([]);
    expect(findings[0]!.code).toMatch(/^btrfs\.(device-missing|tree-node)$/);
  });

  it('a device that is in the image twice is mapped whole', async () => {
    const image = makeImage(raid('', 2, 'raid1', 'raid1'));
    const copy = makeEmptyImage(
      path.join(makeScratchFolder(), 'copy'),
      image.devices.map(({ lengthBytes }) => lengthBytes),
    );
    const first = image.devices[0]!;
    for (const { startByte } of copy.devices) {
      run('dd', [
        `if=${image.file}`,
        `of=${copy.file}`,
        'bs=1M',
        'conv=notrunc,sparse',
        `count=${first.lengthBytes / MIB}`,
        `skip=${first.startByte / MIB}`,
        `seek=${startByte / MIB}`,
      ]);
    }
    const report = await scanFileForTest(copy.file);
    expect(report.findings.map(({ code }) => code)).toEqual(['btrfs.duplicate-device']);
    expect(report.volumes.map(({ leftOutBytes }) => leftOutBytes)).toEqual([0, 0, 0]);
  });
});

function makeImage(recipe: Recipe): BtrfsImage {
  const image = makeEmptyImage(
    path.join(makeScratchFolder(), 'image'),
    Array.from({ length: recipe.deviceCount }, () => 200 * MIB),
  );
  withDevices(image, {}, (devices) => {
    run('mkfs.btrfs', ['--quiet', ...recipe.mkfs, ...devices]);
    withBtrfs(devices, {}, (folder) => {
      fillWithFiles(folder);
      recipe.live?.(folder, devices);
    });
  });
  return image;
}

function makeSprout(): BtrfsImage {
  const image = makeEmptyImage(path.join(makeScratchFolder(), 'image'), [200 * MIB, 200 * MIB]);
  withDevicesApart(image, ([seed, sprout]) => {
    run('mkfs.btrfs', ['--quiet', seed!]);
    withBtrfs([seed!], {}, (folder) => fillWithFiles(folder));
    run('btrfstune', ['-S', '1', seed!]);
    withBtrfs([seed!], { readOnly: true }, (folder) => {
      runBtrfs(['device', 'add', '-f', sprout!, folder]);
      run('mount', ['-o', 'remount,rw', folder]);
      fillWithFiles(folder, 2);
    });
  });
  return image;
}

function wipeSuperblock(image: BtrfsImage, index: number): void {
  const file = openSync(image.file, 'r+');
  const zeros = new Uint8Array(4096);
  for (const at of [64 * 1024, 64 * MIB])
    writeSync(file, zeros, 0, 4096, image.devices[index]!.startByte + at);
  closeSync(file);
}

async function mappedOf(image: BtrfsImage, index: number): Promise<number> {
  return (await scanFileForTest(image.file)).volumes[index + 1]!.mappedBytes;
}
