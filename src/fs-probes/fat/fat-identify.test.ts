import { describe, expect, it } from 'vitest';

import { CorruptError } from '../../errors/errors.ts';
import { WindowReader } from '../../image/window-reader.ts';
import { makeFatImage, memoryVolume, scanFat } from '../../../test/support/fat-image.ts';
import { fatProbe } from './fat-probe.ts';

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
    for (let seed = 1; seed <= 500; seed++) {
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

  it('leaves no range unread or out of the volume when the volume ends early', () => {
    for (const lengthBytes of [512, 513, 1024, 4096, 20_000, good.bytes.length - 1]) {
      const reader = new WindowReader(memoryVolume(good.bytes).reader, 0, lengthBytes);
      const volume = { ...memoryVolume(good.bytes), reader };
      if (fatProbe.identify(volume) === undefined) continue;
      expect(() => scanFat(volume)).toThrow(CorruptError);
    }
  });
});
