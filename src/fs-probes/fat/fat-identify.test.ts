import { truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { CorruptError } from '../../errors/errors.ts';
import { FileReader } from '../../image/file-reader.ts';
import { WindowReader } from '../../image/window-reader.ts';
import { makeFatImage, memoryVolume, scanFat } from '../../../test/support/fat-image.ts';
import { describeWith, requireTools } from '../../../test/support/requirements.ts';
import { run } from '../../../test/support/run.ts';
import { makeScratchFolder } from '../../../test/support/scratch.ts';
import { fatProbe } from './fat-probe.ts';

/** A sector that calls itself FAT, without its table, but with a partition. */
function withPartition(firstLba: number, status: number): (bytes: Uint8Array) => void {
  return (bytes) => {
    bytes.set(new TextEncoder().encode('FAT16   '), 0x36);
    bytes.fill(0, 512);
    const entry = new DataView(bytes.buffer, 0x1be, 16);
    entry.setUint8(0, status);
    entry.setUint8(4, 0x83);
    entry.setUint32(8, firstLba, true);
    entry.setUint32(12, 1000, true);
  };
}

describe('what is not FAT', () => {
  const good = makeFatImage({ bits: 16, clusterCount: 5000 });

  function isTaken(change: (bytes: Uint8Array) => void): boolean {
    const bytes = good.bytes.slice();
    change(bytes);
    return fatProbe.identify(memoryVolume(bytes)) !== undefined;
  }

  it('is left alone: zeros, noise, and less than a sector', () => {
    expect(isTaken(() => {})).toBe(true);
    expect(isTaken((bytes) => bytes.fill(0))).toBe(false);
    expect(isTaken((bytes) => bytes.fill(0xff))).toBe(false);
    for (let seed = 1; seed <= 100; seed++) {
      let state = seed;
      const noise = (bytes: Uint8Array): void => {
        for (let at = 0; at < 4096; at++) {
          state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
          bytes[at] = state >>> 16;
        }
        bytes.set([0xeb, 0x3c, 0x90]);
        bytes.set([0x55, 0xaa], 510);
      };
      expect(isTaken(noise)).toBe(false);
    }
    expect(fatProbe.identify(memoryVolume(good.bytes.slice(0, 511)))).toBeUndefined();
  });

  it.each(['EXFAT   ', 'NTFS    ', '-FVE-FS-'])('is left alone: %j', (name) => {
    expect(isTaken((bytes) => bytes.set(new TextEncoder().encode(name), 3))).toBe(false);
  });

  it('is left alone: a boot sector whose table is not there', () => {
    expect(isTaken((bytes) => bytes.fill(0, 512))).toBe(false);
  });

  it('is claimed all the same if the sector calls itself FAT, so that damage is told', () => {
    for (const sectorsPerCluster of [1, 0]) {
      const damage = (bytes: Uint8Array): void => {
        bytes.set(new TextEncoder().encode('FAT16   '), 0x36);
        bytes[0x0d] = sectorsPerCluster;
        bytes.fill(0, 512);
      };
      expect(isTaken(damage)).toBe(true);
    }
  });

  it('is left alone if an old FAT has made room for a partition table', () => {
    expect(isTaken(withPartition(2048, 0))).toBe(false);
    expect(isTaken(withPartition(2048, 0x80))).toBe(false);
    // Not a table: boot code, or the partition that mkfs.fat makes of the whole disk.
    expect(isTaken(withPartition(2048, 0x33))).toBe(true);
    expect(isTaken(withPartition(0, 0x80))).toBe(true);
  });

  it('leaves no range unread or out of the volume when the volume ends early', () => {
    for (const lengthBytes of [512, 513, 1024, 4096, 20_000, good.bytes.length - 1]) {
      const reader = new WindowReader(memoryVolume(good.bytes).reader, 0, lengthBytes);
      const volume = { ...memoryVolume(good.bytes), reader };
      if (fatProbe.identify(volume) === undefined) continue;
      expect(() => scanFat(volume)).toThrow(CorruptError);
    }
  });
});

const formatters = [
  'mkfs.exfat',
  'mkfs.ntfs',
  'mke2fs',
  'mkfs.xfs',
  'mkfs.btrfs',
  'sfdisk',
  'sgdisk',
];

describeWith(requireTools('mkfs.fat', ...formatters), 'what other tools write', () => {
  it.each([
    'mkfs.exfat',
    'mkfs.ntfs --fast --quiet --force',
    'mke2fs -q -F -t ext4',
    'mkfs.xfs -q -f',
    'mkfs.btrfs -q -f',
    'sgdisk --mbrtogpt --new=1:2048:0',
    'sfdisk --quiet --wipe=never',
  ])('is not taken for FAT, even where a FAT was before: %s', (command) => {
    const image = path.join(makeScratchFolder(), 'image');
    writeFileSync(image, '');
    truncateSync(image, 320 * 1024 * 1024);
    run('mkfs.fat', ['-F', '32', image]);
    const [program, ...options] = command.split(' ');
    const input = program === 'sfdisk' ? { input: 'label: dos\n2048,,83\n' } : {};
    run(program!, [...options, image], input);
    if (program === 'sfdisk') {
      // The FAT of the old life is still there; a later use of the first sectors takes it.
      run('dd', ['if=/dev/zero', `of=${image}`, 'bs=512', 'seek=1', 'count=2047', 'conv=notrunc']);
    }
    const reader = new FileReader(image);
    try {
      expect(fatProbe.identify({ index: 0, name: 'image', startByte: 0, reader })).toBeUndefined();
    } finally {
      reader.close();
    }
  });
});
