/** One device: checksums, node sizes, features, and what a filesystem has been through. */
import { linkSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

import {
  fillWithFiles,
  judgeImage,
  makeEmptyImage,
  MIB,
  noise,
  resizeImageFile,
  withBtrfs,
  withDevices,
  type BtrfsImage,
} from '../support/btrfs-image.ts';
import { runBtrfs } from '../support/btrfs-tool.ts';
import { scanFileForTest } from '../support/poison.ts';
import { describeWith, requireRoot, requireTools } from '../support/requirements.ts';
import { run } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

interface Recipe {
  readonly title: string;
  readonly mkfs?: readonly string[];
  readonly mountOptions?: string;
  /** What to do in the mounted filesystem after the usual files were made. */
  readonly live?: (folder: string) => void;
  /** What to do to the device before the files are made. */
  readonly tune?: (device: string) => void;
}

const recipes: readonly Recipe[] = [
  { title: 'as mkfs makes it' },
  { title: 'empty', live: (folder) => rmSync(path.join(folder, 'files-1'), { recursive: true }) },
  { title: 'data twice', mkfs: ['-d', 'dup'] },
  { title: 'metadata once', mkfs: ['-m', 'single'] },
  { title: 'mixed block groups', mkfs: ['--mixed'] },
  { title: 'mixed block groups twice', mkfs: ['--mixed', '-d', 'dup', '-m', 'dup'] },
  { title: 'xxhash', mkfs: ['--csum', 'xxhash'] },
  { title: 'sha256', mkfs: ['--csum', 'sha256'] },
  { title: 'blake2', mkfs: ['--csum', 'blake2'] },
  { title: 'nodes of 4 KiB', mkfs: ['-n', '4096'] },
  { title: 'nodes of 32 KiB', mkfs: ['-n', '32768'] },
  { title: 'nodes of 64 KiB', mkfs: ['-n', '65536'] },
  { title: 'no skinny metadata', mkfs: ['-O', '^skinny-metadata'] },
  { title: 'explicit holes, short links', mkfs: ['-O', '^no-holes,^extref'] },
  { title: 'no free space tree', mkfs: ['-R', '^free-space-tree'], mountOptions: 'nospace_cache' },
  { title: 'space cache v1', mkfs: ['-R', '^free-space-tree'], mountOptions: 'space_cache=v1' },
  { title: 'quotas', mkfs: ['-R', 'quota'] },
  { title: 'zstd', mountOptions: 'compress-force=zstd', live: writeCompressible },
  { title: 'lzo', mountOptions: 'compress-force=lzo', live: writeCompressible },
  { title: 'no copy on write', mountOptions: 'nodatacow' },
  { title: 'inline, links, holes, preallocated', live: makeOddFiles },
  { title: 'reflinks', live: makeReflinks },
  { title: 'snapshots and deleted subvolumes', live: makeSubvolumes },
  { title: 'after a balance', live: balance },
  { title: 'after a balance to dup', live: balanceToDup },
  { title: 'nearly full', live: fillUp },
  {
    title: 'other metadata UUID',
    tune: (device) => void run('btrfstune', ['-f', '-m', device]),
  },
];

const needs = [
  ...requireRoot(),
  ...requireTools('mkfs.btrfs', 'btrfs', 'btrfstune', 'mount', 'losetup'),
];

describeWith(needs, 'poisoned btrfs on one device', () => {
  it.each(recipes.map((recipe) => [recipe.title, recipe] as const))(
    '%s',
    async (_title, recipe) => {
      const { report } = await judgeImage(makeImage(recipe));
      expect(report.findings).toEqual([]);
      expect(report.volumes[0]!.claims[0]!.facts?.state).toBe('clean');
    },
  );

  it('free space in bitmaps', async () => {
    const image = makeImage({ title: '', live: (folder) => fillWithFiles(folder, 2, 300) });
    const dump = runBtrfs(['inspect-internal', 'dump-tree', '-t', '10', image.file]);
    expect(dump).toContain('FREE_SPACE_BITMAP');
    expect((await judgeImage(image)).report.findings).toEqual([]);
  });

  it('shrunk', async () => {
    // The kernel makes no filesystem smaller than 256 MiB.
    const image = makeImage({ title: '', live: (folder) => resize(folder, 300 * MIB) }, 600 * MIB);
    // What lies behind the filesystem in its volume is not its own to give away.
    expect((await scanFileForTest(image.file)).mapped.covers(300 * MIB, 600 * MIB)).toBe(true);
    const cut = resizeImageFile(image, 300 * MIB);
    expect((await judgeImage(cut)).report.findings).toEqual([]);
  });

  it('grown', async () => {
    const image = resizeImageFile(makeImage({ title: '' }), 400 * MIB);
    withDevices(image, {}, (devices) => {
      withBtrfs(devices, {}, (folder) => {
        resize(folder, 400 * MIB);
        fillWithFiles(folder, 2);
      });
    });
    expect((await judgeImage(image)).report.findings).toEqual([]);
  });
});

describeWith(
  [...needs, ...requireTools('mke2fs', 'btrfs-convert')],
  'poisoned btrfs converted from ext4',
  () => {
    it('keeps the files and the old image', async () => {
      const image = makeEmptyImage(path.join(makeScratchFolder(), 'image'), [400 * MIB]);
      const source = makeScratchFolder();
      fillWithFiles(source);
      run('mke2fs', ['-q', '-t', 'ext4', '-b', '4096', '-d', source, image.file]);
      run('btrfs-convert', ['--no-progress', image.file]);
      expect((await judgeImage(image)).report.findings).toEqual([]);
    });
  },
);

function makeImage(recipe: Recipe, sizeBytes = 256 * MIB): BtrfsImage {
  const image = makeEmptyImage(path.join(makeScratchFolder(), 'image'), [sizeBytes]);
  withDevices(image, {}, (devices) => {
    run('mkfs.btrfs', ['--quiet', ...(recipe.mkfs ?? []), ...devices]);
    recipe.tune?.(devices[0]!);
    const options = recipe.mountOptions === undefined ? {} : { options: recipe.mountOptions };
    withBtrfs(devices, options, (folder) => {
      fillWithFiles(folder);
      recipe.live?.(folder);
    });
  });
  return image;
}

function resize(folder: string, lengthBytes: number): void {
  runBtrfs(['filesystem', 'resize', `${lengthBytes}`, folder]);
}

function balance(folder: string): void {
  runBtrfs(['balance', 'start', '--full-balance', folder]);
  fillWithFiles(folder, 2);
}

function balanceToDup(folder: string): void {
  runBtrfs(['balance', 'start', '-dconvert=dup', '-mconvert=single', '-f', folder]);
  fillWithFiles(folder, 2);
}

function writeCompressible(folder: string): void {
  for (let index = 0; index < 20; index++) {
    const line = Buffer.from(`a line that repeats, number ${index}\n`);
    writeFileSync(path.join(folder, `text-${index}`), Buffer.alloc(90_000 * (index + 1), line));
  }
}

function makeOddFiles(folder: string): void {
  writeFileSync(path.join(folder, 'inline'), noise(5, 1500));
  linkSync(path.join(folder, 'inline'), path.join(folder, 'hard-link'));
  symlinkSync('inline', path.join(folder, 'symbolic-link'));
  truncateSync(path.join(folder, 'inline'), 3_000_000);
  run('fallocate', ['--length', '5MiB', path.join(folder, 'preallocated')]);
  writeFileSync(path.join(folder, 'sparse'), noise(6, 300_000));
  run('fallocate', ['--punch-hole', '-o', '64KiB', '-l', '100KiB', path.join(folder, 'sparse')]);
}

function makeReflinks(folder: string): void {
  const original = path.join(folder, 'original');
  writeFileSync(original, noise(8, 2_000_000));
  for (let index = 0; index < 10; index++) {
    run('cp', ['--reflink=always', original, path.join(folder, `reflink-${index}`)]);
  }
  rmSync(original);
}

function makeSubvolumes(folder: string): void {
  const at = (name: string) => path.join(folder, name);
  for (const name of ['sub-1', 'sub-2']) runBtrfs(['subvolume', 'create', at(name)]);
  fillWithFiles(at('sub-1'), 3);
  fillWithFiles(at('sub-2'), 4);
  runBtrfs(['subvolume', 'snapshot', at('sub-1'), at('snapshot')]);
  runBtrfs(['subvolume', 'snapshot', '-r', at('sub-2'), at('read-only')]);
  rmSync(path.join(at('sub-1'), 'files-3'), { recursive: true });
  runBtrfs(['subvolume', 'delete', '--commit-after', at('sub-2')]);
  runBtrfs(['subvolume', 'sync', folder]);
  mkdirSync(at('last'));
}

function fillUp(folder: string): void {
  for (let index = 0; ; index++) {
    try {
      writeFileSync(path.join(folder, `full-${index}`), noise(index + 40, 4_000_000));
    } catch {
      break;
    }
  }
  run('sync', ['-f', folder]);
  for (let index = 0; index < 3; index++) rmSync(path.join(folder, `full-${index * 7}`));
}
