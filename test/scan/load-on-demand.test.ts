/** A filesystem whose checksums need a package that is loaded only when one is met. */
import path from 'node:path';
import { expect, it } from 'vitest';

import { exitCodeOf } from '../../src/cli/exit-codes.ts';
import { NotLoadedError } from '../../src/fs-probes/load-on-demand.ts';
import { FileReader } from '../../src/image/file-reader.ts';
import { WindowReader } from '../../src/image/window-reader.ts';
import { listFilesystems } from '../../src/scan/list-filesystems.ts';
import { scanClaims } from '../../src/scan/scan-claims.ts';
import { startsFilesystem } from '../../src/scan/starts-filesystem.ts';
import { scanFileForTest } from '../support/poison.ts';
import { describeWith, requireTools } from '../support/requirements.ts';
import { run, runBmap } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

const MIB = 1024 * 1024;

function makeDisk(checksum: string): string {
  const disk = path.join(makeScratchFolder(), 'disk.img');
  const volume = `${disk}.btrfs`;
  run('truncate', ['-s', '130M', disk]);
  run('truncate', ['-s', '120M', volume]);
  run('sfdisk', ['--quiet', disk], { input: 'label: dos\nstart=2048, size=245760, type=83\n' });
  run('mkfs.btrfs', ['-q', '--csum', checksum, volume]);
  run('dd', [`if=${volume}`, `of=${disk}`, 'bs=1M', 'seek=1', 'conv=notrunc', 'status=none']);
  return disk;
}

const tools = requireTools('truncate', 'sfdisk', 'mkfs.btrfs', 'dd');

describeWith(tools, 'checksums that need a package', () => {
  // The order counts: what one test has loaded stays loaded.
  it.each(['xxhash', 'blake2'])('%s: is no verdict where nobody loads it', (checksum) => {
    const reader = new FileReader(makeDisk(checksum));
    const volume = { index: 0, name: 'partition 1', startByte: MIB, reader };
    const window = new WindowReader(reader, MIB, 120 * MIB);
    for (const ask of [
      () => startsFilesystem(reader, MIB),
      () => scanClaims([{ ...volume, reader: window }], { lean: false }),
    ]) {
      const error = catchError(ask);
      expect(error).toBeInstanceOf(NotLoadedError);
      expect(exitCodeOf(error)).toBe(70);
    }
    reader.close();
  });

  it.each(['xxhash', 'blake2'])('%s: is loaded for a scan, and for a list', async (checksum) => {
    const disk = makeDisk(checksum);
    const { findings, volumes } = await scanFileForTest(disk);
    expect(findings).toEqual([]);
    expect(volumes[1]!.leftOutBytes).toBeGreaterThan(50 * MIB);
    const reader = new FileReader(disk);
    expect(await listFilesystems(reader)).toEqual(['btrfs in partition 1']);
    reader.close();
  });

  it.each(['xxhash', 'blake2'])('%s: is loaded by every command that asks', (checksum) => {
    const disk = makeDisk(checksum);
    const map = `${disk}.bmap`;
    expect(runBmap(['scan', '--strict', '-o', map, disk])).toMatchObject({ status: 0 });
    expect(runBmap(['check', disk, map])).toMatchObject({ status: 0 });
    const { status, stderr } = runBmap(['create', '-o', map, disk]);
    expect(stderr).toContain('there is btrfs in partition 1');
    expect(status).toBe(0);
  });
});

function catchError(work: () => unknown): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    return error;
  }
}
