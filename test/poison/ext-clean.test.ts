/**
 * Poison tests of clean ext2, ext3 and ext4: filesystems as mke2fs makes them, filled and thinned out
 * through the kernel, everything that the map leaves out overwritten. Then e2fsck must find nothing,
 * all files must be the same, and so must the copies of superblock and descriptors, which no healthy
 * mount reads. The map is also as small as it can be: it must equal what dumpe2fs lists.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

import {
  checkExt,
  populate,
  readAllCopies,
  treeByDebugfs,
  treeByMount,
} from '../support/ext-judges.ts';
import {
  freeByDumpe2fs,
  makeSparseFile,
  randomGeometry,
  type ExtGeometry,
} from '../support/ext-images.ts';
import { withMount } from '../support/loop-device.ts';
import { makePoisonedCopy, scanFileForTest } from '../support/poison.ts';
import { describeWith, requireRoot, requireTools } from '../support/requirements.ts';
import { run, tryRun } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

interface Geometry extends ExtGeometry {
  /** The kernel of the test machine cannot mount it (large blocks, quota, casefold): debugfs reads the files. */
  readonly unmountable?: boolean;
}

const KiB = 1024;
const MiB = 1024 * KiB;

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

const GEOMETRIES: readonly Geometry[] = [
  { sizeBytes: 16 * MiB, options: '-t ext2' },
  { sizeBytes: 16 * MiB, options: '-t ext2 -r 0 -b 1024' },
  { sizeBytes: 40 * MiB, options: '-t ext2 -b 2048 -O ^resize_inode' },
  { sizeBytes: 64 * MiB, options: '-t ext2 -b 1024 -O ^sparse_super,^resize_inode -g 1024' },
  { sizeBytes: 24 * MiB + 3 * KiB, options: '-t ext2 -b 1024 -g 256' },
  { sizeBytes: 32 * MiB, options: '-t ext3' },
  { sizeBytes: 32 * MiB, options: '-t ext3 -b 4096 -I 128' },
  { sizeBytes: 64 * MiB, options: '-t ext3 -b 2048 -J size=4 -g 2048' },
  { sizeBytes: 32 * MiB, options: '-t ext4' },
  { sizeBytes: 32 * MiB, options: '-t ext4 -b 4096' },
  { sizeBytes: 65 * MiB + 5 * KiB, options: '-t ext4 -b 1024 -g 8192' },
  { sizeBytes: 64 * MiB, options: '-t ext4 -b 2048 -O ^64bit' },
  { sizeBytes: 64 * MiB, options: '-t ext4 -b 1024 -O ^64bit,^metadata_csum' },
  { sizeBytes: 64 * MiB, options: '-t ext4 -b 1024 -O ^metadata_csum,uninit_bg -g 1024' },
  { sizeBytes: 64 * MiB, options: '-t ext4 -b 4096 -O ^metadata_csum,^uninit_bg' },
  { sizeBytes: 64 * MiB, options: '-t ext4 -b 1024 -O ^flex_bg -g 2048' },
  { sizeBytes: 64 * MiB, options: '-t ext4 -b 1024 -g 512 -G 64' },
  { sizeBytes: 64 * MiB, options: '-t ext4 -b 1024 -g 512 -G 256 -E packed_meta_blocks=1' },
  { sizeBytes: 64 * MiB, options: '-t ext4 -b 1024 -O meta_bg,^resize_inode -g 256' },
  {
    sizeBytes: 64 * MiB,
    options: '-t ext4 -b 1024 -O meta_bg,^resize_inode,^64bit -g 512 -N 4000',
  },
  { sizeBytes: 64 * MiB, options: '-t ext4 -b 2048 -O meta_bg,^resize_inode,^flex_bg -g 1024' },
  { sizeBytes: 64 * MiB, options: '-t ext4 -b 1024 -O sparse_super2,^resize_inode -g 1024' },
  { sizeBytes: 64 * MiB, options: '-t ext4 -b 1024 -O sparse_super2 -E num_backup_sb=1 -g 1024' },
  { sizeBytes: 64 * MiB, options: '-t ext4 -b 1024 -O sparse_super2,meta_bg,^resize_inode -g 256' },
  { sizeBytes: 64 * MiB, options: '-t ext4 -b 4096 -E resize=16T' },
  { sizeBytes: 64 * MiB, options: '-t ext4 -b 1024 -E resize=64G,lazy_itable_init=0' },
  { sizeBytes: 64 * MiB, options: '-t ext4 -b 4096 -O ^has_journal' },
  { sizeBytes: 64 * MiB, options: '-t ext4 -b 4096 -O fast_commit' },
  { sizeBytes: 64 * MiB, options: '-t ext4 -b 4096 -O mmp,orphan_file' },
  {
    sizeBytes: 64 * MiB,
    options: '-t ext4 -b 1024 -O quota,project,metadata_csum_seed,verity',
    unmountable: true,
  },
  { sizeBytes: 64 * MiB, options: '-t ext4 -b 4096 -O inline_data,ea_inode,large_dir -I 1024' },
  { sizeBytes: 64 * MiB, options: '-t ext4 -b 4096 -O encrypt,stable_inodes', unmountable: true },
  { sizeBytes: 64 * MiB, options: '-t ext4 -b 4096 -O casefold', unmountable: true },
  { sizeBytes: 64 * MiB, options: '-t ext4 -b 4096 -i 4096 -I 512' },
  { sizeBytes: 64 * MiB, options: '-t ext4 -b 1024 -E stride=16,stripe_width=32 -g 4096' },
  { sizeBytes: 128 * MiB, options: '-t ext4 -b 8192', unmountable: true },
  { sizeBytes: 256 * MiB, options: '-t ext4 -b 16384 -O ^64bit', unmountable: true },
  { sizeBytes: 512 * MiB, options: '-t ext4 -b 65536', unmountable: true },
  { sizeBytes: 512 * MiB, options: '-t ext2 -b 32768', unmountable: true },
  { sizeBytes: 96 * MiB, options: '-t ext4 -b 4096 -O bigalloc -C 65536' },
  { sizeBytes: 96 * MiB, options: '-t ext4 -b 1024 -O bigalloc -C 16384' },
  { sizeBytes: 96 * MiB, options: '-t ext4 -b 1024 -O bigalloc,^64bit -C 2048 -g 2048' },
  {
    sizeBytes: 96 * MiB + 7 * KiB,
    options: '-t ext4 -b 1024 -O bigalloc,meta_bg,^resize_inode -C 4096 -g 4096',
  },
  { sizeBytes: 96 * MiB, options: '-t ext4 -b 2048 -O bigalloc,^metadata_csum,uninit_bg -C 32768' },
  ...randomGeometries(),
];

/** The random sets of features whose seeds are named here all please mke2fs. */
function randomGeometries(): readonly Geometry[] {
  return SEEDS.map((seed) => {
    const geometry = randomGeometry(seed);
    return { ...geometry, unmountable: /[^^]quota/.test(geometry.options) };
  });
}

const needs = [
  ...requireRoot(),
  ...requireTools('mke2fs', 'e2fsck', 'dumpe2fs', 'debugfs', 'resize2fs', 'mount'),
];

describeWith(needs, 'what the map of a clean ext filesystem leaves out', () => {
  it.each(GEOMETRIES)('nobody misses: $options, $sizeBytes bytes', async (geometry) => {
    const folder = makeScratchFolder();
    const image = path.join(folder, 'image');
    const poisoned = path.join(folder, 'poisoned');
    makeFilesystem(image, geometry);

    const report = await scanFileForTest(image);
    makePoisonedCopy(image, report.mapped, poisoned);

    expect(report.findings).toEqual([]);
    expect(checkExt(image)).toMatch(/^exit 0/);
    expect(checkExt(poisoned)).toBe(checkExt(image));
    expect(readAllCopies(poisoned)).toEqual(readAllCopies(image));
    const readTree = geometry.unmountable === true ? treeByDebugfs : treeByMount;
    expect(readTree(poisoned)).toEqual(readTree(image));
    const used = freeByDumpe2fs(image).complementWithin(0, geometry.sizeBytes);
    expect([...report.mapped]).toEqual([...used.alignOut(4096, geometry.sizeBytes)]);
  });

  it('nobody misses when descriptors lie in both layouts', async () => {
    const folder = makeScratchFolder();
    const image = path.join(folder, 'image');
    makeSparseFile(image, 64 * MiB);
    // As the kernel leaves it that grows a filesystem without room for descriptors: the old ones stay,
    // new ones follow meta_bg. 16 groups have one descriptor block.
    run('mke2fs', '-q -F -t ext4 -b 1024 -g 1024 -O ^resize_inode'.split(' ').concat(image, '16M'));
    const commands = 'feature meta_bg\nssv first_meta_bg 1\n';
    run('debugfs', ['-w', '-f', '-', image], { input: commands });
    run('resize2fs', ['-f', image, '64M']);
    withMount(image, { type: 'ext4' }, populate);

    const report = await scanFileForTest(image);
    const poisoned = path.join(folder, 'poisoned');
    makePoisonedCopy(image, report.mapped, poisoned);
    expect(checkExt(poisoned)).toBe(checkExt(image));
    expect(readAllCopies(poisoned)).toEqual(readAllCopies(image));
    expect(treeByMount(poisoned)).toEqual(treeByMount(image));
    const used = freeByDumpe2fs(image).complementWithin(0, 64 * MiB);
    expect([...report.mapped]).toEqual([...used.alignOut(4096, 64 * MiB)]);
  });

  it.each(['-t ext4 -b 1024', '-t ext4 -b 4096 -O ^metadata_csum,uninit_bg'])(
    'nobody misses with unused inodes left out: %s',
    async (options) => {
      const folder = makeScratchFolder();
      const image = path.join(folder, 'image');
      const poisoned = path.join(folder, 'poisoned');
      makeFilesystem(image, { sizeBytes: 64 * MiB, options });
      const report = await scanFileForTest(image, { lean: true });
      expect(report.mapped.lengthBytes).toBeLessThan(
        (await scanFileForTest(image)).mapped.lengthBytes - MiB,
      );
      makePoisonedCopy(image, report.mapped, poisoned);
      expect(checkExt(poisoned)).toBe(checkExt(image));
      expect(treeByMount(poisoned)).toEqual(treeByMount(image));
      // The kernel takes unused inodes into use without reading what is there.
      withMount(poisoned, { type: 'ext4' }, (mounted) => {
        for (let index = 0; index < 3000; index++)
          writeFileSync(path.join(mounted, `n${index}`), '');
      });
      expect(checkExt(poisoned)).toMatch(/^exit 0/);
    },
  );
});

function makeFilesystem(image: string, { sizeBytes, options, unmountable }: Geometry): void {
  makeSparseFile(image, sizeBytes);
  const make = ['-q', '-F', ...options.split(' ')];
  if (unmountable === true) {
    const content = makeScratchFolder();
    populate(content);
    run('mke2fs', [...make, '-d', content, image]);
    run('debugfs', ['-w', '-f', '-', image], { input: 'rm /d1/f1\nrm /d2/f2\nrm /d4/f19\n' });
    // debugfs does not keep quota up to date.
    tryRun('e2fsck', ['-fy', image]);
  } else {
    run('mke2fs', [...make, image]);
    withMount(image, { type: 'ext4' }, populate);
  }
}
