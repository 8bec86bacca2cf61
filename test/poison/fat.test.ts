/**
 * Poison tests of FAT: volumes as mkfs.fat makes them, filled and thinned out with mtools, everything
 * that the map leaves out overwritten. Then fsck.fat must be content, all files must be the same, and
 * the areas that no program reads on a healthy volume (second table, backup of the boot sector) too.
 * The count of used clusters must be that of fsck.fat, so the map is also as small as it can be.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

import { BOOT_SECTOR_BYTES, parseBootSector } from '../../src/fs-probes/fat/boot-sector.ts';
import { makeFatVolume, poisonFatVolume, type FatGeometry } from '../support/fat-volumes.ts';
import { scanFileForTest } from '../support/poison.ts';
import { describeWith, requireTools } from '../support/requirements.ts';
import { run } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

const GEOMETRIES: readonly FatGeometry[] = [
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
  it.each(GEOMETRIES)('nobody misses: $options, $sizeBytes bytes', async (geometry) => {
    const folder = makeScratchFolder();
    expect(makeFatVolume(folder, geometry)).toBeUndefined();
    const result = await poisonFatVolume(folder, geometry.startSector);
    expect(result.warnings).toEqual([]);
    expect(result.after).toEqual(result.before);
    expect(result.releasedBytes).toBeGreaterThan(0);
    expect(result.releasedBytes).toBe(result.freeBytes ?? result.releasedBytes);
  });
});

describeWith(needs, 'a FAT volume whose directories are newer than its table', () => {
  it.each(['-F 12', '-F 16', '-F 32'])(
    'keeps the files that the table does not know: %s',
    async (options) => {
      const folder = makeScratchFolder();
      const image = path.join(folder, 'image');
      expect(
        makeFatVolume(folder, { sizeBytes: options === '-F 12' ? 4 * MiB : 40 * MiB, options }),
      ).toBeUndefined();
      run('mmd', ['-i', image, '::/sub']);
      const boot = parseBootSector(readFileSync(image).subarray(0, BOOT_SECTOR_BYTES));
      const tables = readFileSync(image).subarray(boot.reservedBytes, boot.rootStartByte);
      const content = Buffer.alloc(300, 'newer than the table ');
      writeFileSync(path.join(folder, 'file'), content);
      run('mcopy', ['-i', image, path.join(folder, 'file'), '::/sub/new']);
      // The power goes before the tables are written; the mark is that of Linux.
      const bytes = readFileSync(image);
      bytes.set(tables, boot.reservedBytes);
      bytes[boot.isFat32 ? 0x41 : 0x25] = 1;
      writeFileSync(image, bytes);
      const place = bytes.indexOf(content);

      const report = await scanFileForTest(image);
      expect(report.findings.map(({ code }) => code)).toEqual(['fat.dirty']);
      const leftOut = report.volumes[0]!.claims[0]!.released;
      expect(leftOut.intersects(place, place + content.length)).toBe(false);
      expect(report.mapped.lengthBytes).toBeLessThan(2 * MiB);
      bytes[boot.isFat32 ? 0x41 : 0x25] = 0;
      writeFileSync(image, bytes);
      // Without the mark only the table counts, and no file is behind it: what the test rests on.
      const { released } = (await scanFileForTest(image)).volumes[0]!.claims[0]!;
      expect(released.covers(place, place + content.length)).toBe(true);
    },
  );
});
