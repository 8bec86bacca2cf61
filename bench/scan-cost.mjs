/**
 * What the metadata pass of a scan costs on huge filesystems: bytes read, against what the filesystem's
 * own records take, time and peak memory. Needs e2fsprogs, dosfstools, btrfs-progs and GNU time, some
 * 3 GiB of room in TMPDIR on a filesystem with sparse files, and a finished build.
 *
 * usage: node bench/scan-cost.mjs
 */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { run } from './run.mjs';

const MIB = 1024 ** 2;
const TIB = 1024 ** 4;
const program = fileURLToPath(new URL('../dist/bin/bmap.js', import.meta.url));

/** `recordMib`: descriptors and bitmaps that were written, both tables, or the trees. */
const cases = [
  {
    name: 'ext4, 4 KiB blocks, 4 TiB, empty',
    size: 4 * TIB,
    make: ['mke2fs', '-q', '-t', 'ext4'],
    recordMib: 10.3,
  },
  {
    name: 'ext4, bigalloc 64 KiB, 4 TiB, empty',
    size: 4 * TIB,
    make: ['mke2fs', '-q', '-t', 'ext4', '-O', 'bigalloc', '-C', '65536'],
  },
  {
    name: 'FAT32, 64 KiB clusters, 1 TiB, empty',
    size: TIB,
    make: ['mkfs.fat', '-F', '32', '-s', '128'],
    recordMib: 128,
  },
  { name: 'btrfs, 4 TiB, empty', size: 4 * TIB, make: ['mkfs.btrfs', '-q'], recordMib: 0.1 },
];

const folder = mkdtempSync(path.join(tmpdir(), 'bmap-bench-'));
try {
  console.log('| image | read | records | reads | time | peak memory |');
  console.log('| --- | --- | --- | --- | --- | --- |');
  for (const { name, size, make, recordMib } of cases) {
    const image = path.join(folder, 'image');
    writeFileSync(image, '');
    truncateSync(image, size);
    run(make[0], [...make.slice(1), image]);
    const started = performance.now();
    const args = ['-f', '%M', process.execPath, program, 'scan', '-q', '--json', image];
    const { stdout, stderr } = run('/usr/bin/time', args);
    const seconds = (performance.now() - started) / 1000;
    const { cost } = JSON.parse(stdout);
    const readMib = cost.bytesRead / MIB;
    const peakMib = Number(stderr.trim().split('\n').at(-1)) / 1024;
    const records = recordMib === undefined ? '' : `${recordMib} MiB`;
    console.log(
      `| ${name} | ${readMib.toFixed(1)} MiB | ${records} | ${cost.reads} | ${seconds.toFixed(2)} s | ${peakMib.toFixed(0)} MiB |`,
    );
    rmSync(image);
  }
} finally {
  rmSync(folder, { recursive: true });
}
