/**
 * Poison tests of FAT: volumes as mkfs.fat makes them, filled and thinned out with mtools, everything
 * that the map leaves out overwritten. Then fsck.fat must be content, all files must be the same, and
 * the areas that no program reads on a healthy volume (second table, backup of the boot sector) too.
 * The count of used clusters must be that of fsck.fat, so the map is also as small as it can be.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

import {
  BOOT_SECTOR_BYTES,
  parseBootSector,
  type BootSector,
} from '../../src/fs-probes/fat/boot-sector.ts';
import { makePoisonedCopy, scanFileForTest } from '../support/poison.ts';
import { describeWith, requireTools } from '../support/requirements.ts';
import { run, tryRun } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';
import { hashTree } from '../support/tree-hash.ts';

interface Geometry {
  readonly sizeBytes: number;
  readonly options: string;
  /** Where the filesystem starts in the file, in sectors of 512 bytes. */
  readonly startSector?: number;
}

const KiB = 1024;
const MiB = 1024 * KiB;

const GEOMETRIES: readonly Geometry[] = [
  { sizeBytes: 1440 * KiB, options: '-F 12' },
  { sizeBytes: 720 * KiB, options: '-F 12 -f 1' },
  { sizeBytes: 8 * MiB, options: '-F 12 -s 8' },
  { sizeBytes: 4 * MiB, options: '-F 12 -s 4 -r 112 -a' },
  { sizeBytes: 20 * MiB, options: '-F 12 -s 128' },
  // Either side of the limit between FAT12 and FAT16: 4080 and 4090 clusters.
  { sizeBytes: 4137 * 512, options: '-F 12 -s 1 -a' },
  { sizeBytes: 4155 * 512, options: '-F 16 -s 1 -a' },
  { sizeBytes: 16 * MiB, options: '-F 16' },
  { sizeBytes: 20 * MiB, options: '-F 16 -s 1 -f 3' },
  { sizeBytes: 33 * MiB, options: '-F 16 -s 2 -f 4 -r 1008 -R 7' },
  { sizeBytes: 64 * MiB + 1536, options: '-F 16 -s 4 -a' },
  { sizeBytes: 48 * MiB, options: '-F 16 -S 1024' },
  { sizeBytes: 64 * MiB, options: '-F 16 -S 2048 -s 1 -a' },
  { sizeBytes: 128 * MiB, options: '-F 16 -S 4096 -s 1' },
  { sizeBytes: 16 * MiB, options: '-F 16 --mbr=y' },
  { sizeBytes: 16 * MiB, options: '-A' },
  { sizeBytes: 720 * KiB, options: '-A' },
  { sizeBytes: 40 * MiB, options: '-F 32' },
  { sizeBytes: 40 * MiB, options: '-F 32 -s 1 -f 1 -a' },
  { sizeBytes: 70 * MiB, options: '-F 32 -s 2 -f 3 -R 9 -b 3 -h 63' },
  { sizeBytes: 260 * MiB, options: '-F 32 -s 8 -R 33 -a' },
  { sizeBytes: 300 * MiB, options: '-F 16 -s 128' },
  { sizeBytes: 540 * MiB, options: '-F 16 -S 4096 -s 32' },
  { sizeBytes: 300 * MiB, options: '-F 32 -S 4096 -s 1' },
  { sizeBytes: 600 * MiB, options: '-F 32 -S 4096 -s 2 -f 4' },
  { sizeBytes: 40 * MiB, options: '-F 32 --mbr=y' },
  { sizeBytes: 40 * MiB, options: '-F 32', startSector: 2049 },
];

const needs = requireTools('mkfs.fat', 'fsck.fat', 'mcopy', 'mmd', 'mdel', 'sfdisk');

describeWith(needs, 'what the map of a FAT volume leaves out', () => {
  it.each(GEOMETRIES)('nobody misses: $options, $sizeBytes bytes', (geometry) => {
    const folder = makeScratchFolder();
    const image = path.join(folder, 'image');
    makeVolume(image, geometry, folder);
    const before = judge(image, geometry, path.join(folder, 'before'));

    const report = scanFileForTest(image);
    expect(report.findings.filter(({ level }) => level !== 'info')).toEqual([]);
    const copy = path.join(folder, 'poisoned');
    makePoisonedCopy(image, report.mapped, copy);
    expect(judge(copy, geometry, path.join(folder, 'after'))).toEqual(before);

    const claim = report.volumes
      .flatMap(({ claims }) => claims)
      .find((c) => c.probeName === 'fat')!;
    expect(report.mapped.lengthBytes).toBeLessThan(report.imageBytes);
    // With two readings of the table more is mapped than either would need.
    const hasTwoReadings = report.findings.some(({ code }) => code === 'fat.type-ambiguous');
    if (before.freeBytes === undefined || hasTwoReadings) return;
    expect(claim.released.lengthBytes).toBe(before.freeBytes);
  });
});

/** Makes the volume and leaves it fragmented: files of many sizes, some deleted, larger ones after. */
function makeVolume(
  image: string,
  { sizeBytes, options, startSector }: Geometry,
  folder: string,
): void {
  const startByte = (startSector ?? 0) * 512;
  writeFileSync(image, '');
  truncateSync(image, startByte + sizeBytes);
  const offset = startSector === undefined ? [] : [`--offset=${startSector}`];
  const blocks = startSector === undefined ? [] : [`${sizeBytes / KiB}`];
  run('mkfs.fat', [...options.split(' '), '-i', '1234abcd', ...offset, image, ...blocks]);
  if (startSector !== undefined) {
    run('sfdisk', ['--quiet', image], { input: `label: dos\n${startSector},,c\n` });
  }
  const disk = `${image}@@${startByte}`;
  // Small enough that a third of the volume stays free.
  const unit = Math.floor(Math.min(sizeBytes, 64 * MiB) / 256);
  const put = (name: string, lengthBytes: number): void => {
    const file = path.join(folder, 'file');
    writeFileSync(file, noise(lengthBytes));
    run('mcopy', ['-i', disk, file, `::${name}`]);
  };
  run('mmd', ['-i', disk, '::/sub', '::/sub/deep', '::/A long name of a directory']);
  for (let number = 1; number <= 8; number++) put(`/${number}.bin`, number * unit);
  put('/empty', 0);
  for (let number = 1; number <= 40; number++) put(`/sub/deep/small file ${number}.txt`, number);
  run('mdel', ['-i', disk, '::/2.bin', '::/5.bin', '::/sub/deep/small file 7.txt']);
  for (let number = 1; number <= 3; number++) put(`/sub/${number}.bin`, (number + 3) * unit + 1);
  put('/A long name of a directory/last.bin', 10 * unit);
}

/** All that outside programs can tell about the volume. */
function judge(image: string, { startSector }: Geometry, folder: string) {
  const startByte = (startSector ?? 0) * 512;
  const bytes = readFileSync(image).subarray(startByte);
  mkdirSync(folder);
  const volume = path.join(folder, 'volume');
  writeFileSync(volume, bytes);
  const files = path.join(folder, 'files');
  mkdirSync(files);
  run('mcopy', ['-s', '-m', '-i', volume, '::/', files]);
  const boot = parseBootSector(bytes.subarray(0, BOOT_SECTOR_BYTES));
  const dataEndByte = boot.dataStartByte + boot.clusterCount * boot.clusterBytes;
  return {
    files: hashTree(files),
    // Both tables, both boot sectors and the root directory: no program reads them all.
    fixedAreas: createHash('sha256').update(bytes.subarray(0, boot.dataStartByte)).digest('hex'),
    tail: createHash('sha256').update(bytes.subarray(dataEndByte)).digest('hex'),
    ...askFsck(volume, boot),
  };
}

/** fsck.fat refuses more than two copies of the table; mtools and the comparison must do then. */
function askFsck(volume: string, boot: BootSector) {
  if (boot.fatCount > 2) return {};
  const { status, stdout } = tryRun('fsck.fat', ['-n', '-v', volume]);
  const complaints = stdout.split('\n').filter((line) => !line.startsWith(volume));
  // It wants a label where Atari has none, and says nothing else then.
  expect(status).toBe(stdout.includes("Label '' stored in boot sector is not valid") ? 1 : 0);
  const [, usedClusters, clusters] = /, (\d+)\/(\d+) clusters/.exec(stdout)!.map(Number);
  return { complaints, freeBytes: (clusters! - usedClusters!) * boot.clusterBytes };
}

/** Bytes that repeat at every run, and look like nothing else. */
function noise(lengthBytes: number): Uint8Array {
  const bytes = new Uint8Array(lengthBytes);
  let state = lengthBytes;
  for (let at = 0; at < lengthBytes; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}
