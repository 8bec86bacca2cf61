/** Maps of very many small ranges, and writes past the cache of a device. */
import { constants, createReadStream, openSync, closeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { copyImage } from '../../src/copy/copy-image.ts';
import { openThreadedIo, type TargetIo } from '../../src/copy/target/target-io.ts';
import type { ByteRange } from '../../src/ranges/byte-range.ts';
import { RangeSet } from '../../src/ranges/range-set.ts';
import {
  expectCopied,
  makeCopyFixture,
  makeLoopTarget,
  patchFile,
} from '../support/copy-fixture.ts';
import { SeededRandom } from '../support/random.ts';
import { describeWith, itWith, requireRoot, requireTools } from '../support/requirements.ts';
import { run } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

const MIB = 2 ** 20;
const BLOCK = 4096;
const SIZE_BYTES = 24 * MIB;

/** 1 to 20 blocks, then a gap of 1 to 4, and in the middle one range that is longer than all buffers. */
function makeManyRanges(): RangeSet {
  const random = new SeededRandom(7);
  const ranges: ByteRange[] = [];
  let block = 0;
  while (block * BLOCK < SIZE_BYTES - 2 * MIB) {
    const isLong = ranges.length === 40;
    const blocks = isLong ? (10 * MIB) / BLOCK : 1 + random.below(20);
    ranges.push({ startByte: block * BLOCK, endByte: (block + blocks) * BLOCK });
    block += blocks + 1 + random.below(4);
  }
  return RangeSet.of(...ranges);
}

describe('very many small ranges', () => {
  it('are copied from a file and from a stream, and nothing between them', async () => {
    const fixture = await makeCopyFixture({ sizeBytes: SIZE_BYTES, mapped: makeManyRanges() });
    expect(fixture.mapped.count).toBeGreaterThan(150);
    const target = path.join(fixture.folder, 'target');
    await copyImage({ image: fixture.image, targets: [target] });
    expectCopied(target, fixture, 0);
    const second = path.join(fixture.folder, 'second');
    const stdin = createReadStream(fixture.image, { highWaterMark: 70_001 });
    await copyImage({ image: '-', stdin, targets: [second], bmap: fixture.map });
    expectCopied(second, fixture, 0);
  });

  it('before one that is wrong are written, it and those behind are not', async () => {
    const fixture = await makeCopyFixture({ sizeBytes: SIZE_BYTES, mapped: makeManyRanges() });
    const bad = fixture.mapped.at(27);
    patchFile(fixture.image, bad.endByte - 1, Uint8Array.of(fixture.bytes[bad.endByte - 1]! ^ 1));
    const target = path.join(fixture.folder, 'target');
    const failing = copyImage({ image: fixture.image, targets: [target] });
    await expect(failing).rejects.toMatchObject({
      kind: 'range-checksum',
      targetState: 'partial',
    });
    const before = RangeSet.of({ startByte: 0, endByte: bad.startByte });
    const mapped = fixture.mapped.intersect(before);
    expectCopied(target, { ...fixture, mapped }, 0);
  });

  itWith([...requireRoot(), ...requireTools('mount')], 'fill a disk with a message', async () => {
    const folder = makeScratchFolder();
    run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]);
    onTestFinished(() => void run('umount', [folder]));
    const fixture = await makeCopyFixture({ sizeBytes: SIZE_BYTES, mapped: makeManyRanges() });
    const failing = copyImage({ image: fixture.image, targets: [path.join(folder, 'target')] });
    await expect(failing).rejects.toMatchObject({
      kind: 'ENOSPC',
      targetState: 'partial',
      message: expect.stringMatching(/cannot write at byte \d+: .*space/) as string,
    });
  });
});

describeWith([...requireRoot(), ...requireTools('losetup')], 'past the cache of a device', () => {
  /** Writes down what goes which way; `failing` is the number of the direct write that fails. */
  function watchIo(failing?: number, code = 'EIO') {
    const direct: number[] = [];
    const cached: number[] = [];
    let directDescriptor: number | undefined;
    const io: TargetIo = openThreadedIo();
    const watched: TargetIo = {
      flush: async (fileDescriptor) => io.flush(fileDescriptor),
      async openDirect(device) {
        const handle = await open(device, constants.O_WRONLY | constants.O_DIRECT);
        directDescriptor = handle.fd;
        return handle;
      },
      async write(fileDescriptor, bytes, startByte) {
        const way = fileDescriptor === directDescriptor ? direct : cached;
        if (way === direct && direct.length === failing) {
          throw Object.assign(new Error('made to fail'), { code });
        }
        way.push(startByte!);
        return io.write(fileDescriptor, bytes, startByte);
      },
    };
    return { io: watched, direct, cached };
  }

  const mapped = RangeSet.of(
    { startByte: 0, endByte: BLOCK },
    { startByte: MIB, endByte: 4 * MIB },
    { startByte: 5 * MIB, endByte: 6 * MIB - 1000 },
  );

  it('go whole sectors, but not an end of the image that is none', async () => {
    const fixture = await makeCopyFixture({ sizeBytes: 6 * MIB - 1000, mapped });
    const target = makeLoopTarget();
    const { io, direct, cached } = watchIo();
    await copyImage({ image: fixture.image, targets: [target.device], io });
    expectCopied(target.file, fixture, target.fill);
    expect(direct).toEqual([0, MIB, 3 * MIB]);
    expect(cached).toEqual([5 * MIB]);
  });

  it('goes nothing of a scattered image', async () => {
    const fixture = await makeCopyFixture({ sizeBytes: SIZE_BYTES, mapped: makeManyRanges() });
    const target = makeLoopTarget(SIZE_BYTES);
    const { io, direct, cached } = watchIo();
    await copyImage({ image: fixture.image, targets: [target.device], io });
    expectCopied(target.file, fixture, target.fill);
    expect(direct).toEqual([]);
    expect(cached.length).toBeGreaterThan(150);
  });

  it('failures are told with their place', async () => {
    const fixture = await makeCopyFixture({ sizeBytes: 6 * MIB - 1000, mapped });
    const target = makeLoopTarget();
    const failing = copyImage({
      image: fixture.image,
      targets: [target.device],
      io: watchIo(2).io,
    });
    await expect(failing).rejects.toMatchObject({
      kind: 'EIO',
      targetState: 'partial',
      message: expect.stringContaining(`cannot write at byte ${3 * MIB}`) as string,
    });
  });

  it('is not gone where a device does not know it', async () => {
    const fixture = await makeCopyFixture({ sizeBytes: 6 * MIB - 1000, mapped });
    const target = makeLoopTarget();
    const { io, direct } = watchIo();
    io.openDirect = async () => {
      throw Object.assign(new Error('no direct I/O'), { code: 'EINVAL' });
    };
    await copyImage({ image: fixture.image, targets: [target.device], io });
    expectCopied(target.file, fixture, target.fill);
    expect(direct).toEqual([]);
  });

  it('is not gone any more once a device refuses it', async () => {
    const fixture = await makeCopyFixture({ sizeBytes: 6 * MIB - 1000, mapped });
    const target = makeLoopTarget();
    const { io, direct, cached } = watchIo(1, 'EINVAL');
    await copyImage({ image: fixture.image, targets: [target.device], io });
    expectCopied(target.file, fixture, target.fill);
    expect(direct).toEqual([0]);
    expect(cached).toEqual([MIB, 3 * MIB, 5 * MIB]);
  });

  it('leaves the device as others see it', async () => {
    const fixture = await makeCopyFixture({ sizeBytes: 6 * MIB - 1000, mapped });
    const target = makeLoopTarget();
    // Its first bytes are in the cache of the system, as they were.
    const reader = openSync(target.device, 'r');
    onTestFinished(() => closeSync(reader));
    expectCopied(target.device, { ...fixture, mapped: RangeSet.empty }, target.fill);
    await copyImage({ image: fixture.image, targets: [target.device] });
    expectCopied(target.device, fixture, target.fill);
    expectCopied(target.file, fixture, target.fill);
  });
});
