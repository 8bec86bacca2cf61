/** `bmap create` against bmaptool 3.6: the same file must give the same map, byte for byte. */
import { statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from 'vitest';

import {
  describeWith,
  itWith,
  requireRoot,
  requireTools,
  type Requirement,
} from '../support/requirements.ts';
import { withMount } from '../support/loop-device.ts';
import { randomPieces, makeRandom, writeImages, writeSparse } from '../support/sparse-images.ts';
import { expectSameMap, expectSameMaps, hosts, withHost } from './same-map.ts';
import { run, runBmap, tryRun } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

/** More of them, on each filesystem, in test/slow. */
const RANDOM_IMAGES = 5;

const needsBmaptool = requireTools('bmaptool');

describe('the same map as bmaptool', () => {
  for (const [title, mkfs, type, blockSize] of hosts) {
    const needs: Requirement = [
      ...needsBmaptool,
      ...requireTools(mkfs[0]!, 'mount', 'losetup'),
      ...requireRoot(),
    ];
    itWith(needs, `on ${title}`, () => {
      withHost(mkfs, type, (folder) => expectSameMaps(folder, blockSize, RANDOM_IMAGES));
    });
  }

  itWith([...needsBmaptool, ...requireRoot()], 'on tmpfs', () => {
    const folder = makeScratchFolder();
    run('mount', ['-t', 'tmpfs', 'tmpfs', folder]);
    try {
      expectSameMaps(folder, 4096, RANDOM_IMAGES);
    } finally {
      run('umount', [folder]);
    }
  });

  itWith(
    [...needsBmaptool, ...requireTools('mke2fs'), ...requireRoot()],
    'on a read-only ext4',
    () => {
      const disk = path.join(makeScratchFolder(), 'disk');
      writeSparse(disk, 64 * 2 ** 20, []);
      run('mke2fs', ['-q', '-t', 'ext4', disk]);
      withMount(disk, { type: 'ext4' }, (folder) => {
        writeSparse(path.join(folder, 'a.img'), 100_001, [{ startByte: 20_000, lengthBytes: 5 }]);
      });
      withMount(disk, { type: 'ext4', readOnly: true }, (folder) => {
        expectSameMap(path.join(folder, 'a.img'));
      });
    },
  );

  itWith(needsBmaptool, 'with threads', () => {
    const image = path.join(makeScratchFolder(), 'large.img');
    const random = makeRandom(7);
    const pieces = [
      { startByte: 0, lengthBytes: 20_000_001 },
      { startByte: 30_000_000, lengthBytes: 10_000_000 },
      ...randomPieces(100_000_000, 300, random),
    ];
    writeSparse(image, 100_000_001, pieces);
    expectSameMap(image);
  });
});

describeWith(needsBmaptool, 'bmaptool copy', () => {
  it('takes every map, with and without checksums, and reproduces the image', () => {
    const folder = makeScratchFolder();
    for (const image of writeImages(folder, RANDOM_IMAGES, 2)) {
      // Comparing a gigabyte of zeros takes its time and shows nothing.
      if (statSync(image).size > 2 ** 26) continue;
      for (const options of [[], ['--no-checksum']]) {
        const bmap = path.join(folder, 'map');
        expect(runBmap(['create', ...options, '-o', bmap, image]).status).toBe(0);
        const copy = path.join(folder, 'copy');
        run('bmaptool', ['copy', '--bmap', bmap, image, copy]);
        run('cmp', [image, copy]);
      }
    }
  });
});

/** Data in the middle of a hole. */
function sparse(): string {
  const file = path.join(makeScratchFolder(), 'a.img');
  writeSparse(file, 1_000_000, [{ startByte: 500_000, lengthBytes: 5 }]);
  return file;
}

function emptyFile(): string {
  const file = path.join(makeScratchFolder(), 'empty.img');
  writeFileSync(file, '');
  return file;
}

describe('the command', () => {
  it('writes the map to a file, and nothing to standard output', () => {
    const image = sparse();
    const toOutput = runBmap(['create', image]);
    const output = `${image}.bmap`;
    const toFile = runBmap(['create', '--output', output, image]);
    expect(toFile).toMatchObject({ status: 0, stdout: '' });
    expect(run('cat', [output])).toBe(toOutput.stdout);
  });

  it('warns when nothing is a hole, even if it shall be quiet', () => {
    const image = path.join(makeScratchFolder(), 'full.img');
    writeFileSync(image, 'abc');
    const { status, stderr } = runBmap(['create', '-q', image]);
    expect(status).toBe(0);
    expect(stderr).toContain(`all 3 bytes are mapped, no holes in '${image}'`);
    expect(stderr).toContain('was the image handled incorrectly and holes were expanded?');
    expect(runBmap(['create', sparse()]).stderr).not.toContain('no holes');
  });

  it('does not write over the image, by whatever name', () => {
    const image = sparse();
    const link = `${image}.link`;
    run('ln', ['-s', image, link]);
    for (const output of [image, link]) {
      expect(runBmap(['create', '-o', output, image])).toMatchObject({ status: 2, stdout: '' });
    }
    expect(statSync(image).size).toBe(1_000_000);
  });

  it.each([
    ['an empty image', () => ['create', emptyFile()], 3, 'zero-sized'],
    ['a missing image', () => ['create', '/nonexistent.img'], 7, 'no such file'],
    ['a folder', () => ['create', '/'], 7, 'is a directory'],
    ['a device', () => ['create', '/dev/null'], 7, 'neither a regular file nor a block device'],
    [
      'an output that cannot be',
      () => ['create', '-o', '/nonexistent/x', sparse()],
      7,
      'no such file',
    ],
    ['no image', () => ['create'], 2, 'image'],
    ['two images', () => ['create', 'a', 'b'], 2, 'too many'],
    ['an unknown option', () => ['create', '--nope', 'a'], 2, '--nope'],
  ])('has one line for %s', (_, makeArgs, exitCode, text) => {
    const { status, stdout, stderr } = runBmap(makeArgs());
    expect(status).toBe(exitCode);
    expect(stdout).toBe('');
    expect(stderr).toContain(text);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});

describeWith(requireTools('mke2fs'), 'a filesystem inside', () => {
  it('makes the command name scan, but not if it shall be quiet', () => {
    const image = path.join(makeScratchFolder(), 'fs.img');
    writeSparse(image, 2 ** 24, []);
    run('mke2fs', ['-q', '-t', 'ext4', image]);
    const loud = runBmap(['create', image]);
    expect(loud.stderr).toMatch(/^WARNING .*ext4.*bmap scan --bmap/);
    const quiet = runBmap(['create', '-q', image]);
    expect(quiet).toEqual({ status: 0, stdout: loud.stdout, stderr: '' });
    expect(runBmap(['create', sparse()]).stderr).toBe('');
  });
});

describeWith(
  [...needsBmaptool, ...requireRoot(), ...requireTools('losetup')],
  'a block device',
  () => {
    it('has no holes to map', () => {
      const image = path.join(makeScratchFolder(), 'a.img');
      writeSparse(image, 2 ** 20, []);
      const device = run('losetup', ['--find', '--show', image]).trim();
      const result = tryRun(process.execPath, ['dist/bin/bmap.js', 'create', device]);
      run('losetup', ['--detach', device]);
      expect(result.status).toBe(2);
      expect(result.stderr).toContain('bmap scan --bmap');
    });
  },
);
