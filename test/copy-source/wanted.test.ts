/** Blocks that nobody looks at are passed over: the wanted bytes stay right, and so does their number. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { CorruptError } from '../../src/errors/errors.ts';
import { RangeSet } from '../../src/ranges/range-set.ts';
import { makeFiles, makeTar, pack } from '../support/packers.ts';
import { readWanted } from '../support/read-source.ts';
import { describeWith, requireTools } from '../support/requirements.ts';
import { makeScratchFolder } from '../support/scratch.ts';
import { countZeros, expectWanted, makeWantedImage, someRanges } from '../support/wanted-image.ts';

const BLOCK_BYTES = 512 * 1024;
/** No byte of it is zero, so zeros are what was passed over. The last of its 40 blocks is short. */
const IMAGE = makeWantedImage(40 * BLOCK_BYTES - 1000);
const PACKER = {
  ending: 'xz',
  program: 'xz',
  args: ['-c', '-0', '-T2', `--block-size=${BLOCK_BYTES}`],
};

function writeFile(packed: Uint8Array): string {
  const file = path.join(makeScratchFolder(), 'disk.img.xz');
  writeFileSync(file, packed);
  return file;
}

/** xz has checks for each block, so it does not matter who else verifies. */
async function readRanges(file: string, ranges: RangeSet): Promise<Buffer> {
  return readWanted(file, { ranges, areVerified: false });
}

/** The end of the image alone: all blocks but the last can be passed over. */
const END = RangeSet.of({ startByte: IMAGE.length - 10, endByte: IMAGE.length });

describeWith(requireTools('xz', 'tar'), 'blocks of xz without a wanted byte', () => {
  it('are passed over, and no other', async () => {
    const packed = pack(PACKER, IMAGE);
    const half = IMAGE.length / 2;
    const joined = Buffer.concat([
      pack(PACKER, IMAGE.subarray(0, half)),
      Buffer.alloc(4),
      pack(PACKER, IMAGE.subarray(half)),
    ]);
    const files = [writeFile(packed), writeFile(joined)];
    await fc.assert(
      fc.asyncProperty(
        someRanges(IMAGE, 3 * BLOCK_BYTES),
        fc.constantFrom(...files),
        async (ranges, file) => expectWanted(await readRanges(file, ranges), IMAGE, ranges),
      ),
      { numRuns: 25 },
    );
    expect(countZeros(await readRanges(files[0]!, END))).toBeGreaterThan(8 * BLOCK_BYTES);
    expect(
      countZeros(await readRanges(files[0]!, RangeSet.of({ startByte: 0, endByte: IMAGE.length }))),
    ).toBe(0);
  });

  it('are decoded where the blocks do not tell their sizes', async () => {
    const args = ['-c', '-0', '-T1', `--block-size=${BLOCK_BYTES}`];
    const file = writeFile(pack({ ...PACKER, args }, IMAGE));
    expect((await readRanges(file, END)).equals(IMAGE)).toBe(true);
  });

  it('are not looked for in an archive, where the image starts elsewhere', async () => {
    const tar = makeTar(makeFiles({ 'disk.img': IMAGE }), ['disk.img']);
    const file = path.join(makeScratchFolder(), 'disk.tar.xz');
    writeFileSync(file, pack(PACKER, readFileSync(tar)));
    const wanted = RangeSet.of({ startByte: 35 * BLOCK_BYTES - 10, endByte: 35 * BLOCK_BYTES });
    expect((await readRanges(file, wanted)).equals(IMAGE)).toBe(true);
  });

  it('leave all that is read under its checks: cut anywhere, or wrong in a header or the index', async () => {
    const packed = pack(PACKER, IMAGE);
    const file = writeFile(packed);
    const passed: string[] = [];
    const tryRead = async (what: string, changed: Buffer): Promise<void> => {
      writeFileSync(file, changed);
      const result = await readRanges(file, END).catch((error: unknown) => error);
      if (!(result instanceof CorruptError)) passed.push(what);
    };
    for (let length = 0; length < packed.length; length += Math.ceil(packed.length / 20)) {
      await tryRead(`cut at ${length}`, packed.subarray(0, length));
    }
    // Behind the last block stand 40 records of 5 bytes, 4 of CRC, and 12 of the footer.
    for (let at = packed.length - 216; at < packed.length; at += 3) {
      await tryRead(`cut at ${at}`, packed.subarray(0, at));
      const changed = Buffer.from(packed);
      changed[at]! ^= 1 << (at % 8);
      await tryRead(`wrong at ${at}`, changed);
    }
    // All headers of blocks start alike; the last but one block is surely passed over.
    const lastHeader = packed.lastIndexOf(packed.subarray(12, 14), packed.length - 300);
    const changed = Buffer.from(packed);
    changed[lastHeader + 3]! ^= 1;
    await tryRead('wrong in a header', changed);
    await tryRead('with something behind it', Buffer.concat([packed, Buffer.from('more')]));
    expect(passed).toEqual([]);
  });
});
