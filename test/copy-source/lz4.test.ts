/** Frames of LZ4 in all shapes: whole, and with blocks that nobody looks at passed over. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { copyImage } from '../../src/copy/copy-image.ts';
import { decodeLz4 } from '../../src/copy/source/decode/lz4.ts';
import { StreamReader } from '../../src/copy/source/stream-reader.ts';
import { WantedBytes, type WantedRanges } from '../../src/copy/source/wanted-bytes.ts';
import { CorruptError } from '../../src/errors/errors.ts';
import { RangeSet } from '../../src/ranges/range-set.ts';
import { expectCopied, expectSame, makeCopyFixture } from '../support/copy-fixture.ts';
import { makeLz4Frame } from '../support/lz4-frames.ts';
import { pack } from '../support/packers.ts';
import { SeededRandom } from '../support/random.ts';
import { describeWith, requireTools } from '../support/requirements.ts';
import { makeScratchFolder } from '../support/scratch.ts';
import { countZeros, expectWanted, makeWantedImage, someRanges } from '../support/wanted-image.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Blocks of 4 MiB, but for the last. The second half is noise without a zero, which is stored. */
const IMAGE = Buffer.concat([
  makeWantedImage(18 * MIB),
  new SeededRandom(8).bytes(18 * MIB - 1000).map((byte) => byte || 1),
]);
const SKIPPABLE = Buffer.from('5f2a4d1805000000aabbccddee', 'hex');

const CONTEXT = {
  env: undefined,
  signal: new AbortController().signal,
  onDebug: () => {},
  onFinding: () => {},
  structure: 'lz4 data',
};
const PACKER = { ending: 'lz4', program: 'lz4' };

/** Of different length, down to one byte. */
const PARTS = [4 * MIB, 1, 300 * KIB, 5, 2 * MIB, 4 * MIB, 70_000];
const PARTED = IMAGE.subarray(
  0,
  PARTS.reduce((sum, bytes) => sum + bytes, 0),
);

function cutParts(): Buffer[] {
  let at = 0;
  return PARTS.map((bytes) => PARTED.subarray(at, (at += bytes)));
}

function packWith(...args: string[]): Buffer {
  const file = path.join(makeScratchFolder(), 'disk.img');
  writeFileSync(file, IMAGE);
  return pack({ ...PACKER, args: ['-cq', ...args, file] }, Buffer.alloc(0));
}

function withBit(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at]! ^= 1 << (at % 8);
  return changed;
}

function endOf(image: Buffer): RangeSet {
  return RangeSet.of({ startByte: image.length - 10, endByte: image.length });
}

/** Decodes for a reader who said beforehand what it looks at. */
async function decodeFor(packed: Buffer, wantedRanges?: WantedRanges): Promise<Buffer> {
  const input = new StreamReader(toPieces(packed));
  const wanted = new WantedBytes();
  if (wantedRanges !== undefined) wanted.limitTo(wantedRanges);
  const pieces: Uint8Array[] = [];
  let latest: Uint8Array | undefined;
  for await (const piece of decodeLz4(input, { ...CONTEXT, wanted })) {
    // It must have stayed as it was while this one was made.
    if (latest !== undefined) pieces.push(Uint8Array.from(latest));
    latest = piece;
  }
  return Buffer.concat(latest === undefined ? pieces : [...pieces, latest]);
}

async function* toPieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 300_000) yield bytes.subarray(at, at + 300_000);
}

/** All blocks but the last can be passed over. */
async function decodeEnd(packed: Buffer, image: Buffer, areVerified = true): Promise<Buffer> {
  return decodeFor(packed, { ranges: endOf(image), areVerified });
}

/** Tells of megabytes that were decoded all the same how many they are. */
async function expectDamaged(decoding: Promise<Buffer>): Promise<void> {
  const result = decoding.then(({ length }) => length);
  await expect(result).rejects.toMatchObject({ kind: 'damaged' });
}

/** Whole, by a reader that verifies, and by one that does not. */
async function expectReadable(packed: Buffer, image: Buffer): Promise<void> {
  expectSame(await decodeFor(packed), image);
  await fc.assert(
    fc.asyncProperty(someRanges(image, 6 * MIB), fc.boolean(), async (ranges, areVerified) => {
      const bytes = await decodeFor(packed, { ranges, areVerified });
      if (areVerified) expectWanted(bytes, image, ranges);
      else expectSame(bytes, image);
    }),
    { numRuns: 6 },
  );
}

describeWith(requireTools('lz4'), 'frames of lz4', () => {
  describe.each([
    ['of blocks of 4 MiB', []],
    ['of blocks of 1 MiB', ['-B6']],
    ['of blocks of 256 KiB', ['-B5']],
    ['of blocks of 64 KiB', ['-B4']],
    ['with their size', ['--content-size']],
    ['with checksums of blocks', ['-BX']],
    ['without a checksum', ['--no-frame-crc']],
    ['with all and small blocks', ['-B4', '-BX', '--content-size', '-9']],
  ])('%s', (_, args) => {
    it('are read, and what nobody looks at is passed over', async () => {
      const packed = packWith(...args);
      await expectReadable(packed, IMAGE);
      expect(countZeros(await decodeEnd(packed, IMAGE))).toBeGreaterThan(27 * MIB);
      expect(countZeros(await decodeEnd(packed, IMAGE, false))).toBe(0);
    });
  });

  it('whose blocks need each other are decoded', async () => {
    const linked = packWith('-BD');
    await expectReadable(linked, IMAGE);
    const independent = packWith();
    for (const frames of [
      [independent, linked, independent],
      [linked, independent],
    ]) {
      const image = Buffer.concat(frames.map(() => IMAGE));
      expectSame(await decodeFor(Buffer.concat(frames)), image);
    }
  });

  it('whose blocks are short are read and passed over', async () => {
    const frame = await makeLz4Frame(cutParts(), { contentBytes: PARTED.length });
    expectSame(pack({ ...PACKER, args: ['-dcq'] }, frame), PARTED);
    await expectReadable(frame, PARTED);
    expect(countZeros(await decodeEnd(frame, PARTED))).toBe(PARTED.length - PARTS.at(-1)!);
  });

  it('of very many blocks are read', async () => {
    const page = IMAGE.subarray(0, 100);
    const frame = await makeLz4Frame([page], { blockChecksums: true });
    const header = frame.subarray(0, 7);
    const block = frame.subarray(7, -8);
    const blocks = Array.from({ length: 5000 }, () => block);
    const packed = Buffer.concat([header, ...blocks, Buffer.alloc(4)]);
    const image = Buffer.concat(blocks.map(() => page));
    const checked = await makeLz4Frame([image], { maxSize: 7 });
    await expectReadable(Buffer.concat([packed, checked.subarray(-4)]), image);
  });

  it('are read one behind the other, with skippable ones between them', async () => {
    const [first, second] = [packWith('-B4'), await makeLz4Frame([])];
    const third = await makeLz4Frame(cutParts(), { blockChecksums: true });
    const packed = Buffer.concat([SKIPPABLE, first, SKIPPABLE, second, third, SKIPPABLE]);
    await expectReadable(packed, Buffer.concat([IMAGE, PARTED]));
  });

  it('that ask for a dictionary are left to the library', async () => {
    const frame = await makeLz4Frame(cutParts(), { dictionary: 7 });
    await expectReadable(frame, PARTED);
    expect(countZeros(await decodeEnd(frame, PARTED))).toBe(0);
  });
});

describeWith(requireTools('lz4'), 'damage in lz4 is found', () => {
  it('by the checksum of a frame, unless the reader verifies and something was passed over', async () => {
    for (const packed of [packWith(), packWith('-B4'), await makeLz4Frame(cutParts())]) {
      const changed = withBit(packed, packed.length - 1);
      const image = packed.length < PARTED.length ? PARTED : IMAGE;
      await expectDamaged(decodeFor(changed));
      await expectDamaged(decodeEnd(changed, image, false));
      const ranges = RangeSet.of({ startByte: 0, endByte: image.length });
      const all = decodeFor(changed, { ranges, areVerified: true });
      await expectDamaged(all);
      expect((await decodeEnd(changed, image)).length).toBe(image.length);
    }
  });

  it('by the checksum of a block, also of one that is passed over', async () => {
    const packed = await makeLz4Frame(cutParts(), { blockChecksums: true });
    // Behind the header of the frame, and the size of the first block.
    const firstEnd = 11 + packed.readUInt32LE(7);
    for (const at of [firstEnd, firstEnd + 3]) {
      const changed = withBit(packed, at);
      await expectDamaged(decodeFor(changed));
      await expectDamaged(decodeEnd(changed, PARTED));
      await expectDamaged(decodeEnd(changed, PARTED, false));
    }
  });

  it('by the size of the content', async () => {
    for (const contentBytes of [0, PARTED.length - 1, PARTED.length + 1]) {
      const packed = await makeLz4Frame(cutParts(), { contentBytes, contentChecksum: false });
      await expectDamaged(decodeFor(packed));
      await expectDamaged(decodeEnd(packed, PARTED));
    }
  });

  it('where a block is larger than the frame allows, packed or not', async () => {
    for (const part of [IMAGE.subarray(0, 65_537), IMAGE.subarray(-65_537)]) {
      const allowed = await makeLz4Frame([part.subarray(0, -1), part], { maxSize: 5 });
      expectSame(await decodeFor(allowed), Buffer.concat([part.subarray(0, -1), part]));
      const packed = await makeLz4Frame([part.subarray(0, -1), part], { maxSize: 4 });
      await expectDamaged(decodeFor(packed));
      await expectDamaged(decodeEnd(packed, Buffer.alloc(200_000)));
    }
  });

  it.each([
    ['with all checks', { blockChecksums: true, contentBytes: 8303 }],
    ['with none', { contentChecksum: false }],
  ])('wherever a file %s ends', async (_, shape) => {
    const parts = [4096, 1, 100, 4096, 10].map((bytes) => PARTED.subarray(0, bytes));
    const frame = await makeLz4Frame(parts, shape);
    const packed = Buffer.concat([SKIPPABLE, frame, SKIPPABLE]);
    const image = Buffer.concat(parts);
    expect((await decodeEnd(packed, image)).length).toBe(image.length);
    const frameEnds = [0, SKIPPABLE.length, SKIPPABLE.length + frame.length];
    const passed: number[] = [];
    for (let bytes = 0; bytes < packed.length; bytes++) {
      if (frameEnds.includes(bytes)) continue;
      const result = await decodeEnd(packed.subarray(0, bytes), image).catch(
        (error: unknown) => error,
      );
      if (!(result instanceof CorruptError)) passed.push(bytes);
    }
    expect(passed).toEqual([]);
  });
});

describeWith(requireTools('lz4'), 'a copy of an image in lz4', () => {
  const mapped = RangeSet.of(
    { startByte: 0, endByte: MIB },
    { startByte: 30 * MIB, endByte: 30.5 * MIB },
  );

  async function makePacked(damagedByte?: number) {
    // More than is decoded before it is known what the map wants.
    const sizeBytes = 40 * MIB;
    const fixture = await makeCopyFixture({ sizeBytes, mapped });
    const packed = pack({ ...PACKER, args: ['-cq'] }, fixture.bytes);
    // Noise is stored as it is.
    const at = damagedByte && packed.indexOf(fixture.bytes.subarray(damagedByte, damagedByte + 64));
    const image = path.join(fixture.folder, 'disk.img.lz4');
    writeFileSync(image, at === undefined ? packed : withBit(packed, at));
    const target = path.join(fixture.folder, 'target');
    const copy = async (options: { verify?: boolean } = {}): Promise<unknown> =>
      copyImage({ image, bmap: fixture.map, targets: [target], ...options });
    return { fixture, target, copy };
  }

  it('writes what is mapped, and nothing else', async () => {
    const { fixture, target, copy } = await makePacked();
    for (const verify of [true, false]) {
      await copy({ verify });
      expectCopied(target, fixture, 0);
    }
  });

  it('minds damage where nothing is mapped only if nobody else verifies the rest', async () => {
    const { fixture, target, copy } = await makePacked(38 * MIB);
    await copy();
    expectCopied(target, fixture, 0);
    await expect(copy({ verify: false })).rejects.toMatchObject({ kind: 'damaged' });
  });

  it('is refused for damage where something is mapped, whether it is verified or not', async () => {
    const { target, copy } = await makePacked(30 * MIB + 100);
    await expect(copy()).rejects.toMatchObject({ kind: 'range-checksum' });
    expect(
      readFileSync(target)
        .subarray(MIB)
        .every((byte) => byte === 0),
    ).toBe(true);
    await expect(copy({ verify: false })).rejects.toMatchObject({ kind: 'damaged' });
  });
});
