/** Places that are named twice, and places where a filesystem only seems to start. */
import path from 'node:path';
import { expect, it } from 'vitest';

import { scanFileForTest } from '../support/poison.ts';
import { describeWith, requireTools } from '../support/requirements.ts';
import { run } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

const MIB = 1024 * 1024;

function makeDisk(sizeMib: number): string {
  const disk = path.join(makeScratchFolder(), 'disk.img');
  run('truncate', ['-s', `${sizeMib}M`, disk]);
  return disk;
}

describeWith(
  requireTools('truncate', 'sgdisk', 'mkfs.btrfs', 'dd'),
  'a partition of a hybrid MBR',
  () => {
    it('is read once, and left out as far as both names of it agree', async () => {
      const disk = makeDisk(130);
      run('sgdisk', ['-n', '1:2048:262143', '-h', '1', disk]);
      const volume = `${disk}.btrfs`;
      run('truncate', ['-s', '127M', volume]);
      run('mkfs.btrfs', ['-q', volume]);
      run('dd', [
        `if=${volume}`,
        `of=${disk}`,
        'bs=1M',
        'seek=1',
        'conv=notrunc,sparse',
        'status=none',
      ]);
      const report = await scanFileForTest(disk);
      expect(report.table.scheme).toBe('hybrid');
      const types = report.volumes.map(({ claims }) =>
        claims.map(({ claim, whole }) => [claim.type, whole]),
      );
      expect(types).toEqual([[], [['btrfs', undefined]], [['btrfs', undefined]]]);
      expect(report.volumes[1]!.leftOutBytes).toBeGreaterThan(100 * MIB);
    });
  },
);

describeWith(
  requireTools('truncate', 'sfdisk', 'mke2fs', 'mkfs.fat'),
  'a copy of a superblock',
  () => {
    it('does not make an MBR of 512-byte sectors look like one of 4096', async () => {
      const disk = makeDisk(160);
      run('sfdisk', ['--quiet', disk], {
        input: 'label: dos\nstart=16384, size=32768, type=c\nstart=49152, size=262144, type=83\n',
      });
      run('mkfs.fat', ['--offset', '16384', disk, `${16 * 1024}`]);
      // The copy in group 5 lies at 24 MiB + 5 * 8 MiB, which is LBA 16384 in sectors of 4096 bytes.
      run('mke2fs', ['-q', '-F', '-b', '1024', '-E', `offset=${24 * MIB}`, disk, '128M']);
      const { table, volumes, findings } = await scanFileForTest(disk);
      expect(findings).toEqual([]);
      expect(table).toMatchObject({ isTrusted: true, sectorBytes: 512 });
      expect(volumes.slice(1).every(({ leftOutBytes }) => leftOutBytes > 10 * MIB)).toBe(true);
    });
  },
);
