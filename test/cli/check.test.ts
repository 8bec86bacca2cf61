import { copyFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { fillWithFiles } from '../support/btrfs-image.ts';
import { makeDemoImage } from '../support/demo-image.ts';
import { freeByDumpe2fs } from '../support/ext-images.ts';
import { readFixture } from '../support/fixtures.ts';
import { withMount } from '../support/loop-device.ts';
import { describeWith, itWith, requireRoot, requireTools } from '../support/requirements.ts';
import { run, runBmap, type RunResult } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

const MIB = 2 ** 20;

function makeImage(sizeBytes: number, ...maker: readonly [string, ...string[]]): string {
  const image = path.join(makeScratchFolder(), 'image');
  writeFileSync(image, '');
  truncateSync(image, sizeBytes);
  const [program, ...args] = maker;
  run(program, [...args, image]);
  return image;
}

/** The map that bmaptool makes of a copy in which all zeros have become holes. */
function mapHoles(image: string): string {
  const folder = makeScratchFolder();
  const [copy, map] = [path.join(folder, 'copy'), path.join(folder, 'map')];
  run('cp', ['--sparse=always', image, copy]);
  run('bmaptool', ['create', '-o', map, copy]);
  return map;
}

function scan(image: string, ...options: readonly string[]): string {
  const map = path.join(makeScratchFolder(), 'map');
  const { status, stderr } = runBmap(['scan', '-q', ...options, '-o', map, image]);
  if (status !== 0) throw new Error(stderr);
  return map;
}

function check(image: string, map: string): RunResult & { readonly lost: readonly string[] } {
  const result = runBmap(['check', '-q', image, map]);
  const lost = result.stdout.split('\n').filter((line) => line.startsWith('lost:'));
  return { ...result, lost };
}

/** Nothing lost and nothing to gain. */
function expectGood(image: string, map: string): void {
  const { status, stdout, lost } = check(image, map);
  expect([status, lost]).toEqual([0, []]);
  expect(stdout).toContain('loses nothing');
  expect(stdout).not.toContain('could leave out');
}

const HOLES = requireTools('bmaptool');

describe('check of our own maps', () => {
  it('finds no loss, whatever the options of the scan', () => {
    const image = makeDemoImage();
    for (const options of [[], ['--lean'], ['--no-checksum'], ['--cross-check']]) {
      expectGood(image, scan(image, ...options));
    }
    const kept = check(image, scan(image, '--keep-partition', '2'));
    expect(kept.status).toBe(0);
    expect(kept.stdout).toMatch(/could leave out 31\.\d MiB more in partition 2/);
  });

  itWith(requireTools('sfdisk', 'mke2fs'), 'calls zeros of gaps that were left out no loss', () => {
    const image = makeImage(200 * MIB, 'truncate', '-s', '200M');
    run('sfdisk', ['-q', image], { input: 'label: gpt\nstart=2048, size=8192\n' });
    run('mke2fs', ['-q', '-F', '-E', `offset=${MIB}`, image, '4M']);
    const map = scan(image, '--gaps', 'data');
    const { status, stdout } = check(image, map);
    expect(status).toBe(0);
    expect(stdout).toMatch(/in doubt: 1\d\d\.\d MiB of zeros outside of partitions/);
    // One byte of data in what was zeros is lost.
    run('dd', ['if=/dev/urandom', `of=${image}`, 'bs=1M', 'seek=100', 'count=1', 'conv=notrunc']);
    const { status: after, lost } = check(image, map);
    expect(after).toBe(8);
    expect(lost.join('\n')).toMatch(/image +- +gap +first block 25600 +256 blocks/);
  });
});

describeWith(HOLES, 'check of maps of holes', () => {
  itWith(requireTools('mkfs.fat'), 'finds what FAT loses', () => {
    const image = makeImage(32 * MIB, 'mkfs.fat');
    const { status, lost } = check(image, mapHoles(image));
    expect(status).toBe(8);
    expect(lost.join('\n')).toMatch(/image +FAT16 +directory +first block \d+ +\d+ blocks/);
    expectGood(image, scan(image));
  });

  itWith(
    [...requireRoot(), ...requireTools('mkfs.btrfs', 'mount', 'losetup')],
    'finds what btrfs loses',
    () => {
      const image = makeImage(128 * MIB, 'mkfs.btrfs', '-q');
      withMount(image, { type: 'btrfs' }, (folder) => {
        fillWithFiles(folder);
        writeFileSync(path.join(folder, 'zeros'), Buffer.alloc(MIB));
      });
      const { status, lost } = check(image, mapHoles(image));
      expect(status).toBe(8);
      expect(lost.join('\n')).toMatch(/image +btrfs +data +first block \d+ +256 blocks/);
      expectGood(image, scan(image));
    },
  );

  itWith(requireTools('mke2fs'), 'finds what ext2 loses', () => {
    const image = makeImage(32 * MIB, 'mke2fs', '-q', '-F', '-t', 'ext2');
    const { status, lost } = check(image, mapHoles(image));
    expect(status).toBe(8);
    expect(lost.join('\n')).toMatch(/image +ext2 +inode-table +first block \d+ +\d+ blocks/);
    expectGood(image, scan(image));
  });

  itWith(requireTools('xz'), 'finds what unclean filesystems lose', () => {
    for (const name of ['ext4-dirty', 'ext2-unclean', 'ext4-fastcommit', 'btrfs-treelog']) {
      const image = path.join(makeScratchFolder(), name);
      writeFileSync(image, readFixture(name));
      const { status, lost } = check(image, mapHoles(image));
      expect([name, status]).toEqual([name, 8]);
      expect(lost.length).toBeGreaterThan(0);
      expectGood(image, scan(image));
    }
  });
});

describeWith(requireTools('xz', 'dumpe2fs', 'bmaptool'), 'check of a map by stale bitmaps', () => {
  it('finds what only the journal knows to be used', () => {
    const image = path.join(makeScratchFolder(), 'image');
    writeFileSync(image, readFixture('ext4-dirty'));
    // As a tool does that asks dumpe2fs: free blocks become holes, the others data.
    const copy = path.join(makeScratchFolder(), 'copy');
    run('cp', ['--sparse=never', image, copy]);
    for (const { startByte, endByte } of freeByDumpe2fs(image)) {
      run('fallocate', ['-p', '-o', `${startByte}`, '-l', `${endByte - startByte}`, copy]);
    }
    const map = path.join(makeScratchFolder(), 'map');
    run('bmaptool', ['create', '--no-checksum', '-o', map, copy]);
    const { status, lost } = check(image, map);
    expect(status).toBe(8);
    expect(lost.join('\n')).toMatch(/image +ext4 +(data|directory|metadata)/);
  });
});

describeWith(requireTools('mke2fs', 'debugfs'), 'check of a map of an older version', () => {
  it('finds new files lost, and changed blocks', () => {
    const image = makeImage(32 * MIB, 'mke2fs', '-q', '-F', '-t', 'ext4');
    const old = scan(image);
    const file = path.join(makeScratchFolder(), 'file');
    writeFileSync(file, Buffer.alloc(300_000, 7));
    run('debugfs', ['-w', '-R', `write ${file} new`, image]);
    const { status, stdout, lost } = check(image, old);
    expect(status).toBe(8);
    expect(lost.join('\n')).toMatch(/image +ext4 +data +first block \d+ +7\d blocks/);
    expect(stdout).toMatch(/checksum differs: calculated [0-9a-f]{64}, should be [0-9a-f]{64}/);
    expectGood(image, scan(image));
  });

  it('ends with 5 where blocks differ and nothing is lost', () => {
    const image = makeDemoImage();
    const map = scan(image);
    // The third partition is mapped whole, so its content is free to change.
    run('dd', ['if=/dev/urandom', `of=${image}`, 'bs=1M', 'seek=59', 'count=1', 'conv=notrunc']);
    const { status, stdout, lost } = check(image, map);
    expect([status, lost]).toEqual([5, []]);
    expect(stdout).toMatch(/blocks \d+-\d+ \(bytes \d+ to \d+\): checksum differs/);
    expect(stdout).toContain('1 ranges differ');
  });

  it('ends with 5 for another size, and 8 if used blocks lie behind the end of the map', () => {
    const image = makeDemoImage();
    const map = scan(image);
    const longer = path.join(makeScratchFolder(), 'longer');
    copyFileSync(image, longer);
    truncateSync(longer, 65 * MIB);
    const { status, stdout } = check(longer, map);
    expect(status).toBe(5);
    expect(stdout).toContain('is of an image of 67108864 bytes, not 68157440');
    const shorter = path.join(makeScratchFolder(), 'shorter');
    copyFileSync(image, shorter);
    truncateSync(shorter, 63 * MIB);
    expect(check(shorter, map).stdout).toContain('lies behind the end');
    truncateSync(image, 63 * MIB);
    const short = scan(image);
    expect(check(longer, short).status).toBe(8);
  });
});

describe('check of what is no map', () => {
  it('names the fault and its line', () => {
    const image = makeDemoImage();
    const map = scan(image, '--no-checksum');
    const text = readFileSync(map, 'utf8');
    const folder = makeScratchFolder();
    mkdirSync(folder, { recursive: true });
    const bad = path.join(folder, 'bad');
    writeFileSync(bad, text.replace('<MappedBlocksCount>', '<MappedBlocksCount>9'));
    expect(check(image, bad)).toMatchObject({ status: 5 });
    writeFileSync(bad, text.slice(0, 900));
    expect(check(image, bad)).toMatchObject({ status: 3 });
    expect(check(image, image)).toMatchObject({ status: 3 });
    expect(check(map, map)).toMatchObject({ status: 2 });
    expect(check(image, path.join(folder, 'none'))).toMatchObject({ status: 7 });
    const warned = runBmap(['check', image, map]);
    expect(warned.stderr).toMatch(/\d+ ranges of the map have no checksum/);
  });
});
