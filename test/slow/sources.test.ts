/**
 * Packed images with random damage: whatever is wrong, it ends soon, in an error of ours or with bytes.
 * Where the format has checksums, the bytes are the right ones.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { BmapError } from '../../src/errors/errors.ts';
import { ALL_PACKERS, makeFiles, makeTar, makeZip, pack, PACKERS } from '../support/packers.ts';
import { SeededRandom } from '../support/random.ts';
import { readSource, readStdin, type ReadSource } from '../support/read-source.ts';
import { describeWith } from '../support/requirements.ts';
import { makeScratchFolder } from '../support/scratch.ts';

const ROUNDS = 2000;
/** Far more than any of these takes, on a busy machine as well. */
const LIMIT_MS = 20_000;
const IMAGE = Buffer.concat([
  new SeededRandom(1).bytes(700),
  Buffer.alloc(3000),
  Buffer.from('some text '.repeat(50)),
  new SeededRandom(2).bytes(500),
]);

/** Flipped bits, overwritten, inserted, removed and doubled parts, and cuts. */
function damage(whole: Buffer, random: SeededRandom): Buffer {
  let bytes = Buffer.from(whole);
  for (let count = 1 + random.below(3); count > 0; count--) {
    const at = random.below(bytes.length + 1);
    const length = random.below(40);
    const before = bytes.subarray(0, at);
    const behind = bytes.subarray(at);
    const noise = random.bytes(length);
    switch (random.below(6)) {
      case 0:
        bytes = Buffer.concat([before, noise, behind]);
        break;
      case 1:
        bytes = Buffer.concat([before, noise, behind.subarray(length)]);
        break;
      case 2:
        bytes = Buffer.concat([before, behind.subarray(length)]);
        break;
      case 3:
        bytes = Buffer.concat([before, bytes.subarray(Math.max(at - length, 0), at), behind]);
        break;
      case 4:
        bytes = Buffer.from(before);
        break;
      default:
        if (at < bytes.length) bytes[at]! ^= 1 << random.below(8);
    }
  }
  return bytes;
}

interface Packed {
  readonly name: string;
  readonly isChecked: boolean;
  readonly make: () => Buffer;
}

const folderOf = (): string => makeFiles({ 'disk.img': IMAGE, 'disk.bmap': '<bmap/>' });
const NAMES = ['disk.img', 'disk.bmap'];
const CASES: readonly Packed[] = [
  ...PACKERS.map((packer) => ({
    name: `disk.img.${packer.ending}`,
    isChecked: true,
    make: () => Buffer.concat([pack(packer, IMAGE), pack(packer, IMAGE)]),
  })),
  ...PACKERS.map((packer) => ({
    name: `disk.tar.${packer.ending}`,
    isChecked: false,
    make: () => pack(packer, readFileSync(makeTar(folderOf(), NAMES))),
  })),
  { name: 'disk.tar', isChecked: false, make: () => readFileSync(makeTar(folderOf(), NAMES)) },
  { name: 'disk.zip', isChecked: false, make: () => readFileSync(makeZip(folderOf(), NAMES)) },
];

describeWith(ALL_PACKERS, 'sources with random damage', () => {
  describe.each(CASES)('$name', ({ name, isChecked, make }) => {
    it('end in an error of ours, or with bytes', async () => {
      const whole = make();
      const right = isChecked ? Buffer.concat([IMAGE, IMAGE]) : IMAGE;
      const file = path.join(makeScratchFolder(), name);
      const random = new SeededRandom(whole.length);
      const failures: unknown[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const bytes = damage(whole, random);
        writeFileSync(file, bytes);
        const started = Date.now();
        for (const read of [
          () => readSource(file),
          () => readStdin(bytes, {}, 1 + random.below(999)),
        ]) {
          const result: unknown = await read().catch((error: unknown) => error);
          if (result instanceof Error && !(result instanceof BmapError))
            failures.push([round, result]);
        }
        const fromFile: unknown = await readSource(file).catch((error: unknown) => error);
        // A part that is missing at a boundary of parts is no damage that could be seen.
        const isWrong = !(fromFile instanceof Error) && isChecked && !isPartOf(fromFile, right);
        if (isWrong || Date.now() - started > LIMIT_MS) failures.push([round, 'wrong or slow']);
      }
      expect(failures).toEqual([]);
    });
  });
});

/** Some of the joined parts, each of them whole. */
function isPartOf(result: unknown, right: Buffer): boolean {
  const { bytes } = result as ReadSource;
  const half = right.length / 2;
  if (bytes.length % half !== 0) return false;
  for (let at = 0; at < bytes.length; at += half) {
    if (!bytes.subarray(at, at + half).equals(right.subarray(0, half))) return false;
  }
  return true;
}
