/** Copies to real loop devices that held something else before. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { copyImage } from '../../src/copy/copy-image.ts';
import { SYSTEM_IO, type TargetIo } from '../../src/copy/target/target-io.ts';
import { RangeSet } from '../../src/ranges/range-set.ts';
import {
  expectCopied,
  expectSame,
  makeCopyFixture,
  makeFilledFile,
  makeLoopTarget,
  SOME_RANGES,
} from '../support/copy-fixture.ts';
import { ALL_PACKERS, pack, PACKERS } from '../support/packers.ts';
import { describeWith, requireRoot, requireTools } from '../support/requirements.ts';

const MIB = 2 ** 20;
const LOOP = [...requireRoot(), ...requireTools('losetup')];

describeWith(LOOP, 'a copy to a block device', () => {
  it.each([0xff, 0x5a])('writes what is mapped and nothing else, over %d', async (fill) => {
    const fixture = await makeCopyFixture();
    const target = makeLoopTarget(6 * MIB, fill);
    const report = await copyImage({ image: fixture.image, targets: [target.device] });
    expectCopied(target.file, fixture, fill);
    expect(report).toMatchObject({
      map: fixture.map,
      imageSizeBytes: fixture.bytes.length,
      mappedBytes: fixture.mapped.lengthBytes,
    });
  });

  it.each([
    { blockBytes: 512, sizeBytes: 4 * MIB },
    { blockBytes: 1024, sizeBytes: 4 * MIB + 1 },
    { blockBytes: 65536, sizeBytes: 4 * MIB + 4095 },
    { blockBytes: 2 * MIB, sizeBytes: 5 * MIB + 512 },
    { blockBytes: 1000, sizeBytes: 4_000_001 },
  ])('follows blocks of $blockBytes bytes to the end of $sizeBytes', async (shape) => {
    const fixture = await makeCopyFixture(shape);
    const target = makeLoopTarget(8 * MIB);
    await copyImage({ image: fixture.image, targets: [target.device] });
    expectCopied(target.file, fixture, target.fill);
  });

  it('copies all of an image without a map, and leaves what is behind it', async () => {
    const fixture = await makeCopyFixture();
    const target = makeLoopTarget();
    await copyImage({ image: fixture.image, targets: [target.device], nobmap: true });
    const all = RangeSet.of({ startByte: 0, endByte: fixture.bytes.length });
    expectCopied(target.file, { ...fixture, mapped: all }, target.fill);
  });

  it('fills a device to its last byte', async () => {
    const sizeBytes = 4 * MIB;
    const mapped = RangeSet.of({ startByte: 3 * MIB, endByte: sizeBytes });
    const fixture = await makeCopyFixture({ sizeBytes, mapped });
    const target = makeLoopTarget(sizeBytes);
    await copyImage({ image: fixture.image, targets: [target.device] });
    expectCopied(target.file, fixture, target.fill);
  });

  it('copies from a device that is larger than the image on it', async () => {
    const fixture = await makeCopyFixture();
    const source = makeLoopTarget(6 * MIB, 0x11);
    await copyImage({ image: fixture.image, targets: [source.device], nobmap: true });
    const target = makeLoopTarget();
    await copyImage({ image: source.device, targets: [target.device], bmap: fixture.map });
    expectCopied(target.file, fixture, target.fill);
  });
});

describeWith([...LOOP, ...ALL_PACKERS], 'a copy of a compressed image', () => {
  it.each(PACKERS)('from .$ending, with a map and without', async (packer) => {
    const fixture = await makeCopyFixture();
    const packed = `${fixture.image}.${packer.ending}`;
    writeFileSync(packed, pack(packer, fixture.bytes));
    const mapped = makeLoopTarget();
    await copyImage({ image: packed, targets: [mapped.device], env: process.env });
    expectCopied(mapped.file, fixture, mapped.fill);
    const plain = makeLoopTarget(6 * MIB, 0x5a);
    await copyImage({
      image: packed,
      targets: [plain.device],
      nobmap: true,
      env: process.env,
    });
    const all = RangeSet.of({ startByte: 0, endByte: fixture.bytes.length });
    expectCopied(plain.file, { ...fixture, mapped: all }, plain.fill);
  });
});

describe('a copy to a file', () => {
  it('leaves nothing of what was in the file, and holes where nothing is mapped', async () => {
    const fixture = await makeCopyFixture({
      sizeBytes: 16 * MIB + 100,
      mapped: RangeSet.of({ startByte: MIB, endByte: 2 * MIB }),
    });
    const target = makeFilledFile(fixture.folder, 20 * MIB, 0xff);
    await copyImage({ image: fixture.image, targets: [target] });
    expectCopied(target, fixture, 0);
    expect(statSync(target).size).toBe(fixture.bytes.length);
    expect(statSync(target).blocks * 512).toBeLessThan(2 * MIB);
  });

  it('makes a file that was not there', async () => {
    const fixture = await makeCopyFixture();
    const target = path.join(fixture.folder, 'new');
    await copyImage({ image: fixture.image, targets: [target] });
    expectCopied(target, fixture, 0);
  });

  it('gives a map without mapped blocks a file of holes', async () => {
    const fixture = await makeCopyFixture({ mapped: RangeSet.empty });
    const target = path.join(fixture.folder, 'new');
    await copyImage({ image: fixture.image, targets: [target] });
    expectSame(readFileSync(target), Buffer.alloc(fixture.bytes.length));
  });

  it('copies from standard input', async () => {
    const fixture = await makeCopyFixture();
    const target = path.join(fixture.folder, 'new');
    const { createReadStream } = await import('node:fs');
    await copyImage({
      image: '-',
      targets: [target],
      bmap: fixture.map,
      stdin: createReadStream(fixture.image),
    });
    expectCopied(target, fixture, 0);
  });

  it('keeps what is not written yet within bounds, however slow the target', async () => {
    const sizeBytes = 40 * MIB;
    const all = RangeSet.of({ startByte: 0, endByte: sizeBytes });
    const fixture = await makeCopyFixture({ sizeBytes, mapped: all, checksums: false });
    const target = path.join(fixture.folder, 'new');
    let waiting = 0;
    let mostWaiting = 0;
    const io: TargetIo = {
      ...SYSTEM_IO,
      async write(fileDescriptor, bytes, startByte) {
        await sleep(5);
        waiting--;
        return SYSTEM_IO.write(fileDescriptor, bytes, startByte);
      },
    };
    // A stream, so that what has been read can be counted.
    const stdin = Readable.from(
      (function* () {
        for (let at = 0; at < sizeBytes; at += MIB) {
          mostWaiting = Math.max(mostWaiting, ++waiting);
          yield fixture.bytes.subarray(at, at + MIB);
        }
      })(),
      { highWaterMark: 1 },
    );
    await copyImage({ image: '-', stdin, targets: [target], bmap: fixture.map, io });
    expectCopied(target, fixture, 0);
    expect(mostWaiting).toBeGreaterThan(8);
    expect(mostWaiting).toBeLessThan(32);
  });

  it('tells its progress up to the end, in order', async () => {
    const fixture = await makeCopyFixture({ mapped: SOME_RANGES });
    const done: number[] = [];
    const totals = new Set<number | undefined>();
    await copyImage({
      image: fixture.image,
      targets: [path.join(fixture.folder, 'new')],
      onEvent: (event) => {
        if (event.kind !== 'progress') return;
        done.push(event.bytesDone);
        totals.add(event.bytesTotal);
      },
    });
    expect(done).toEqual(done.toSorted((one, other) => one - other));
    expect(done.at(-1)).toBe(fixture.mapped.lengthBytes);
    expect([...totals]).toEqual([fixture.mapped.lengthBytes]);
  });
});
