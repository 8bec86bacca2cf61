/** Hostile volumes far larger than memory, made up as they are read. */
import { expect, it } from 'vitest';

import { encodeInto } from '../../bytes/layout.ts';
import type { ImageReader } from '../../image/image-reader.ts';
import { scanFat } from '../../../test/support/fat-image.ts';
import {
  BOOT_SECTOR_BYTES,
  biosParameterLayout,
  fat32TailLayout,
  parseBootSector,
} from './boot-sector.ts';

const CLUSTERS = 10_000_000;
const FAT_SECTORS = Math.ceil(((CLUSTERS + 2) * 4) / 512);

/** A FAT32 of ten million clusters of 512 bytes whose table entries a function makes up. */
function madeUpVolume(entryOf: (cluster: number) => number) {
  const bootSector = new Uint8Array(BOOT_SECTOR_BYTES);
  encodeInto(biosParameterLayout, bootSector, {
    BPB_BytsPerSec: 512,
    BPB_SecPerClus: 1,
    BPB_RsvdSecCnt: 1,
    BPB_NumFATs: 1,
    BPB_Media: 0xf8,
    BPB_TotSec32: 1 + FAT_SECTORS + CLUSTERS,
    signature: 0xaa55,
  });
  encodeInto(fat32TailLayout, bootSector, { BPB_FATSz32: FAT_SECTORS, BPB_RootClus: 2 });
  const boot = parseBootSector(bootSector);
  const reader: ImageReader = {
    sizeBytes: boot.lengthBytes,
    readAt(startByte, lengthBytes) {
      const bytes = new Uint8Array(lengthBytes);
      if (startByte === 0) bytes.set(bootSector.subarray(0, lengthBytes));
      else if (startByte < boot.dataStartByte) {
        const view = new DataView(bytes.buffer);
        const first = (startByte - boot.reservedBytes) / 4;
        for (let at = 0; at < lengthBytes; at += 4) {
          view.setUint32(at, entryOf(first + at / 4), true);
        }
      }
      return bytes;
    },
  };
  return { index: 0, name: 'image', startByte: 0, reader };
}

function entry(cluster: number, others: number): number {
  if (cluster === 0) return 0x0ffffff8;
  return cluster <= 2 ? 0x0fffffff : others;
}

/** Not unmounted, with a root directory of all clusters up to `end`. */
function longRoot(end: number) {
  return madeUpVolume((cluster) => {
    if (cluster === 1) return 0x07ffffff;
    if (cluster === 2) return 3;
    return entry(cluster, cluster < end ? cluster + 1 : 0x0fffffff);
  });
}

it('bounds the number of runs', () => {
  const everySecond = madeUpVolume((cluster) => entry(cluster, cluster % 2 === 0 ? 0x0fffffff : 0));
  expect(() => scanFat(everySecond)).toThrow(expect.objectContaining({ kind: 'too-many-runs' }));
  const everyTenth = madeUpVolume((cluster) => entry(cluster, cluster % 10 === 0 ? 0x0fffffff : 0));
  expect(scanFat(everyTenth).used.count).toBe(CLUSTERS / 10 + 1);
});

it('bounds a walk through directories', () => {
  expect(() => scanFat(longRoot(300_000))).toThrow(
    expect.objectContaining({ kind: 'directories-too-large' }),
  );
  expect(scanFat(longRoot(200_000)).facts.state).toBe('dirty');
});
