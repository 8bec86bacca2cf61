/** Filesystems on the image as a whole, some of which look as if there was a table; and ISO images. */
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

import { scanFileForTest } from '../support/poison.ts';
import { SeededRandom } from '../support/random.ts';
import { describeWith, requireTools } from '../support/requirements.ts';
import { run } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';
import { writeBootRecord } from '../support/table-image.ts';

const MIB = 1024 * 1024;

interface Formatter {
  readonly command: string;
  readonly sizeBytes: number;
}

const FORMATTERS: readonly Formatter[] = [
  { command: 'mkfs.fat -F 12', sizeBytes: 1440 * 1024 },
  { command: 'mkfs.fat -F 16', sizeBytes: 16 * MIB },
  { command: 'mkfs.fat -F 32', sizeBytes: 64 * MIB },
  { command: 'mkfs.fat -F 32 -S 4096', sizeBytes: 300 * MIB },
  { command: 'mkfs.fat --mbr=y -F 16', sizeBytes: 16 * MIB },
  { command: 'mkfs.fat --mbr=y -F 32', sizeBytes: 64 * MIB },
  { command: 'mkfs.ntfs -q -F', sizeBytes: 16 * MIB },
  { command: 'mkfs.exfat', sizeBytes: 16 * MIB },
  { command: 'mke2fs -q', sizeBytes: 16 * MIB },
  { command: 'mkfs.btrfs -q', sizeBytes: 128 * MIB },
];

function format({ command, sizeBytes }: Formatter): string {
  const file = path.join(makeScratchFolder(), 'image');
  writeFileSync(file, '');
  truncateSync(file, sizeBytes);
  const [program = '', ...args] = command.split(' ');
  run(program, [...args, file]);
  return file;
}

const programs = FORMATTERS.map(({ command }) => command.split(' ')[0] ?? '');

describeWith(requireTools(...new Set(programs)), 'a filesystem on the whole image', () => {
  it.each(FORMATTERS)('has no table: $command', async (formatter) => {
    const { table } = await scanFileForTest(format(formatter));
    expect(table).toMatchObject({ scheme: 'none', isTrusted: true, partitions: [], findings: [] });
  });

  it('has no table where its boot code fills the sector', async () => {
    const file = format({ command: 'mkfs.fat -F 16', sizeBytes: 16 * MIB });
    const image = readFileSync(file);
    image.set(new SeededRandom(1).bytes(510 - 62), 62);
    writeFileSync(file, image);
    const { table, mapped } = await scanFileForTest(file);
    expect(table).toMatchObject({ scheme: 'none', findings: [] });
    expect(mapped.lengthBytes).toBeLessThan(MIB);
  });

  it('has a table if partitions are entered in its boot sector', async () => {
    const file = format({ command: 'mkfs.fat -F 16', sizeBytes: 16 * MIB });
    const image = readFileSync(file);
    writeBootRecord(image, [{ slot: 1, startLba: 8192, sectorCount: 8192 }]);
    writeFileSync(file, image);
    const { table, mapped } = await scanFileForTest(file);
    expect(table).toMatchObject({ scheme: 'mbr', partitions: [{ number: 1 }] });
    expect(mapped.covers(8192 * 512, 16_384 * 512)).toBe(true);
  });
});

describeWith(requireTools('xorriso', 'mkfs.fat'), 'an ISO image for disks', () => {
  const cases: readonly { options: string; numbers: readonly number[] }[] = [
    { options: '-appended_part_as_gpt -append_partition 2 0xef EFI', numbers: [1, 2, 3] },
    { options: '-append_partition 2 0xef EFI -partition_offset 16', numbers: [1, 2] },
    { options: '-part_like_isohybrid -isohybrid-gpt-basdat', numbers: [1] },
    { options: '-part_like_isohybrid -isohybrid-gpt-basdat -isohybrid-apm-hfsplus', numbers: [1] },
  ];
  it.each(cases)('lists its partitions and stays whole: $options', async ({ options, numbers }) => {
    const folder = makeScratchFolder();
    const files = path.join(folder, 'files');
    mkdirSync(files);
    const boot = path.join(files, 'efi.bin');
    writeFileSync(boot, '');
    truncateSync(boot, 1440 * 1024);
    run('mkfs.fat', [boot]);
    const file = path.join(folder, 'image.iso');
    const args = options.split(' ').map((word) => (word === 'EFI' ? boot : word));
    const names = ['-o', file, '-e', 'efi.bin', '-no-emul-boot'];
    run('xorriso', ['-as', 'mkisofs', '-quiet', ...names, ...args, files]);
    const { table, mapped } = await scanFileForTest(file);
    expect(table.partitions.map(({ number }) => number)).toEqual(numbers);
    expect(table.findings.filter(({ level }) => level !== 'info')).toEqual([]);
    // The volume space size of the primary volume descriptor, in blocks of 2048 bytes (ECMA-119, 8.4.8).
    const isoBytes = readFileSync(file).readUInt32LE(16 * 2048 + 80) * 2048;
    expect(isoBytes).toBeGreaterThan(MIB);
    expect(mapped.covers(0, isoBytes)).toBe(true);
  });
});
