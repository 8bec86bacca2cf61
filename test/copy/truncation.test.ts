/** A cut or damaged source never ends well: every format, with a map and without. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { expect, it } from 'vitest';

import { copyImage } from '../../src/copy/copy-image.ts';
import { BmapError } from '../../src/errors/errors.ts';
import { RangeSet } from '../../src/ranges/range-set.ts';
import { expectCopied, makeCopyFixture, type CopyFixture } from '../support/copy-fixture.ts';
import { ALL_PACKERS, makeFiles, makeTar, makeZip, pack, PACKERS } from '../support/packers.ts';
import { describeWith } from '../support/requirements.ts';

interface Format {
  readonly ending: string;
  readonly make: (image: Buffer) => Buffer;
}

const FORMATS: readonly Format[] = [
  ...PACKERS.map((packer) => ({
    ending: packer.ending,
    make: (image: Buffer) => pack(packer, image),
  })),
  {
    ending: 'zip',
    make: (image) => readFileSync(makeZip(makeFiles({ 'disk.img': image }), ['disk.img'])),
  },
  {
    ending: 'tar',
    make: (image) => readFileSync(makeTar(makeFiles({ 'disk.img': image }), ['disk.img'])),
  },
  {
    ending: 'tar.gz',
    make: (image) =>
      pack(PACKERS[0]!, readFileSync(makeTar(makeFiles({ 'disk.img': image }), ['disk.img']))),
  },
];

const DAMAGES: readonly { name: string; apply: (packed: Buffer) => Buffer }[] = [
  { name: 'cut at half', apply: (packed) => packed.subarray(0, packed.length >> 1) },
  { name: 'cut by its last 20 bytes', apply: (packed) => packed.subarray(0, -20) },
  {
    name: 'with one bit flipped',
    apply: (packed) => {
      const copy = Buffer.from(packed);
      const middle = packed.length >> 1;
      copy[middle] = copy[middle]! ^ 0x10;
      return copy;
    },
  },
];

describeWith(ALL_PACKERS, 'a damaged source', () => {
  /** Mapped at its start only: the damage lies where nothing is copied from. */
  async function makeFixture(): Promise<CopyFixture> {
    return makeCopyFixture({
      sizeBytes: 600_000,
      mapped: RangeSet.of({ startByte: 0, endByte: 8192 }),
    });
  }

  it.each(FORMATS)('in .$ending is an error, with a map and without', async ({ ending, make }) => {
    const fixture = await makeFixture();
    const packed = make(fixture.bytes);
    const image = `${fixture.image}.${ending}`;
    const target = path.join(fixture.folder, 'target');
    const copy = async (nobmap: boolean) =>
      copyImage({
        image,
        targets: [target],
        env: process.env,
        ...(nobmap ? { nobmap } : { bmap: fixture.map }),
      });
    for (const { name, apply } of DAMAGES) {
      // An uncompressed tar has no checksum of the image; a map does, where it is mapped.
      if (ending === 'tar' && name === 'with one bit flipped') continue;
      // What follows the last member of a tar is padding.
      if (ending === 'tar' && name === 'cut by its last 20 bytes') continue;
      writeFileSync(image, apply(packed));
      for (const nobmap of [true, false]) {
        rmSync(target, { force: true });
        const failure: unknown = await copy(nobmap).then(
          () => `${name}, nobmap ${nobmap}: succeeded`,
          (error: unknown) => error,
        );
        expect(failure).toBeInstanceOf(BmapError);
        const { code, targetState } = failure as BmapError;
        expect(['BMAP_CORRUPT', 'BMAP_SYSTEM']).toContain(code);
        expect(targetState).toBe(existsSync(target) ? 'partial' : 'untouched');
      }
    }
    // The twin: undamaged.
    writeFileSync(image, packed);
    await copy(false);
    expectCopied(target, fixture, 0);
  });

  it('that is raw is not as long as its map says', async () => {
    const fixture = await makeFixture();
    for (const { name, apply } of DAMAGES.slice(0, 2)) {
      writeFileSync(fixture.image, apply(fixture.bytes));
      const target = path.join(fixture.folder, name);
      await expect(copyImage({ image: fixture.image, targets: [target] })).rejects.toMatchObject({
        kind: 'image-size',
        targetState: 'untouched',
      });
      expect(existsSync(target)).toBe(false);
    }
  });
});
