/**
 * Mutated FAT volumes. Whatever is wrong, scanning ends with a map or with an error of ours, reads
 * nothing outside (the reader throws a RangeError then) and does not hang. A changed boot sector, or a
 * change in one of two tables, never makes a used byte free. A change in both tables may: they are
 * the only record, and carry no checksum.
 */
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

import { CorruptError, UnsupportedError } from '../../src/errors/errors.ts';
import {
  BOOT_SECTOR_BYTES,
  parseBootSector,
  type BootSector,
} from '../../src/fs-probes/fat/boot-sector.ts';
import { fatProbe } from '../../src/fs-probes/fat/fat-probe.ts';
import { RangeSet } from '../../src/ranges/range-set.ts';
import { memoryVolume, scanFat } from '../support/fat-image.ts';
import { describeWith, requireTools } from '../support/requirements.ts';
import { run } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

const VOLUMES = [
  { bits: 12, sizeBytes: 4 * 1024 * 1024 },
  { bits: 16, sizeBytes: 16 * 1024 * 1024 },
  { bits: 32, sizeBytes: 36 * 1024 * 1024 },
];
const TABLE_MUTATIONS = 300;

describeWith(requireTools('mkfs.fat', 'mcopy', 'mmd', 'mdel'), 'a mutated FAT volume', () => {
  it.each(VOLUMES)('FAT$bits: a changed boot sector frees no used byte', ({ bits, sizeBytes }) => {
    const bytes = makeVolume(bits, sizeBytes);
    const reference = scanFat(memoryVolume(bytes)).used;
    // Behind byte 96 there is only boot code, and the signature at the end.
    const positions = [...Array.from({ length: 96 }, (_, index) => index), 510, 511];
    for (const at of positions) {
      const old = bytes[at]!;
      for (const value of [0, 1, 2, 0x40, 0xff, old ^ 1, old ^ 0x80, old << 1, old >> 1, old + 1]) {
        bytes[at] = value;
        expect(freed(bytes, reference), `byte ${at}: ${old} to ${value}`).toBe(0);
      }
      bytes[at] = old;
    }
  });

  it.each(VOLUMES)('FAT$bits: a change in one table frees no used byte', ({ bits, sizeBytes }) => {
    const bytes = makeVolume(bits, sizeBytes);
    const reference = scanFat(memoryVolume(bytes)).used;
    const random = makeRandom(bits);
    const boot = parseBootSector(bytes.subarray(0, BOOT_SECTOR_BYTES));
    for (let round = 0; round < TABLE_MUTATIONS; round++) {
      const startByte = boot.reservedBytes + (round % 2) * boot.fatBytes;
      const restore = mutate(bytes, startByte, busyBytes(boot, bits), random);
      expect(freed(bytes, reference), `round ${round}`).toBe(0);
      restore();
    }
  });

  it.each(VOLUMES)(
    'FAT$bits: changes anywhere end with a map or our error',
    ({ bits, sizeBytes }) => {
      const bytes = makeVolume(bits, sizeBytes);
      const random = makeRandom(bits + 1);
      const boot = parseBootSector(bytes.subarray(0, BOOT_SECTOR_BYTES));
      let maps = 0;
      for (let round = 0; round < TABLE_MUTATIONS; round++) {
        const first = mutate(bytes, boot.reservedBytes, busyBytes(boot, bits), random);
        const second = mutate(
          bytes,
          boot.reservedBytes + boot.fatBytes,
          busyBytes(boot, bits),
          random,
        );
        // The root directory and the first files and directories.
        const third = mutate(bytes, boot.rootStartByte, 64 * 1024, random);
        if (round % 3 === 0) bytes[boot.isFat32 ? 0x41 : 0x25] = 1;
        if (freed(bytes, RangeSet.empty) === 0) maps++;
        bytes[boot.isFat32 ? 0x41 : 0x25] = 0;
        third();
        second();
        first();
      }
      expect(maps).toBe(TABLE_MUTATIONS);
    },
  );
});

/** Used bytes that the changed volume would leave out; none if it is not understood. */
function freed(bytes: Uint8Array, reference: RangeSet): number {
  const volume = memoryVolume(bytes);
  const claim = fatProbe.identify(volume);
  if (claim === undefined) return 0;
  try {
    const { used } = scanFat(volume);
    return reference.intersect(used.complementWithin(0, claim.lengthBytes)).lengthBytes;
  } catch (error) {
    if (error instanceof CorruptError || error instanceof UnsupportedError) return 0;
    throw error;
  }
}

/** The start of a table, where the entries of the files are: changes to zeros behind it are dull. */
function busyBytes(boot: BootSector, bits: number): number {
  return Math.min(boot.fatBytes, (300 * bits) / 8);
}

/** Changes 1 to 64 bytes in place. @returns what undoes it. */
function mutate(
  bytes: Uint8Array,
  startByte: number,
  lengthBytes: number,
  random: () => number,
): () => void {
  const at = startByte + Math.floor(random() * lengthBytes);
  const old = bytes.slice(at, at + 1 + Math.floor(random() * 64));
  const fill = random();
  for (let index = 0; index < old.length; index++) {
    bytes[at + index] = fill < 0.3 ? 0 : Math.floor(random() * 256);
  }
  return () => bytes.set(old, at);
}

function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function makeVolume(bits: number, sizeBytes: number): Uint8Array {
  const folder = makeScratchFolder();
  const image = path.join(folder, 'image');
  writeFileSync(image, '');
  truncateSync(image, sizeBytes);
  run('mkfs.fat', ['-F', `${bits}`, '-i', '1234abcd', image]);
  run('mmd', ['-i', image, '::/sub', '::/sub/deep']);
  for (let number = 1; number <= 8; number++) {
    const file = path.join(folder, `${number}.bin`);
    writeFileSync(file, new Uint8Array(number * 9000).fill(0x30 + number));
    run('mcopy', ['-i', image, file, '::/']);
    run('mcopy', ['-i', image, file, '::/sub/deep/']);
  }
  run('mdel', ['-i', image, '::/2.bin', '::/sub/deep/5.bin']);
  return new Uint8Array(readFileSync(image));
}
