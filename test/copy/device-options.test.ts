/** What can be done to a device beside writing the mapped blocks. */
import {
  closeSync,
  createReadStream,
  fsyncSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { gzipSync } from 'node:zlib';

import { expect, it } from 'vitest';

import type { CopyEvent } from '../../src/copy/copy-events.ts';
import { copyImage } from '../../src/copy/copy-image.ts';
import type { CopyOptions } from '../../src/copy/copy-options.ts';
import { SYSTEM_IO, type TargetIo } from '../../src/copy/target/target-io.ts';
import { RangeSet } from '../../src/ranges/range-set.ts';
import {
  expectCopied,
  expectSame,
  makeFilledFile,
  makeCopyFixture,
  makeLoopTarget,
  type CopyFixture,
  type LoopTarget,
} from '../support/copy-fixture.ts';
import { attachLoop, withLoop } from '../support/loop-device.ts';
import { describeWith, requireRoot, requireTools } from '../support/requirements.ts';
import { run, tryRun } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

const MIB = 2 ** 20;
const LOOP = [...requireRoot(), ...requireTools('losetup')];

async function copy(
  { image }: CopyFixture,
  { device }: LoopTarget,
  changes: Partial<CopyOptions> = {},
) {
  const events: CopyEvent[] = [];
  const onEvent = (event: CopyEvent) => void events.push(event);
  await copyImage({ image, targets: [device], onEvent, ...changes });
  return events;
}

describeWith(LOOP, 'unmapped space', () => {
  it.each([
    { blockBytes: 4096, sizeBytes: 4 * MIB + 1234 },
    { blockBytes: 512, sizeBytes: 4 * MIB + 7 },
    { blockBytes: 1000, sizeBytes: 4_000_001 },
  ])('becomes zeros, in blocks of $blockBytes, up to the end of the image', async (shape) => {
    const fixture = await makeCopyFixture(shape);
    const target = makeLoopTarget();
    await copy(fixture, target, { unmapped: 'zero' });
    const expected = Buffer.alloc(target.sizeBytes, target.fill);
    expected.fill(0, 0, shape.sizeBytes);
    for (const { startByte, endByte } of fixture.mapped) {
      fixture.bytes.copy(expected, startByte, startByte, endByte);
    }
    expectSame(readFileSync(target.file), expected);
  });

  it('is discarded in whole sectors, and what is mapped is not', async () => {
    const fixture = await makeCopyFixture();
    const target = makeLoopTarget();
    const before = statSync(target.file).blocks;
    await copy(fixture, target, { unmapped: 'discard' });
    expect(statSync(target.file).blocks).toBeLessThan(before - 4096);
    const written = readFileSync(target.file);
    for (const { startByte, endByte } of fixture.mapped) {
      expectSame(written.subarray(startByte, endByte), fixture.bytes.subarray(startByte, endByte));
    }
    expectSame(written.subarray(4 * MIB + 4096), Buffer.alloc(2 * MIB - 4096, target.fill));
  });

  it('of a map that leaves out nothing is none', async () => {
    const mapped = RangeSet.of({ startByte: 0, endByte: 2 * MIB });
    const fixture = await makeCopyFixture({ sizeBytes: 2 * MIB, mapped });
    const target = makeLoopTarget();
    await copy(fixture, target, { unmapped: 'zero' });
    expectCopied(target.file, fixture, target.fill);
  });
});

describeWith(LOOP, 'mapped blocks of zeros', () => {
  it('are made by the device, and read as the image does', async () => {
    const mapped = RangeSet.of({ startByte: 0, endByte: 4 * MIB });
    const fixture = await makeCopyFixture({
      sizeBytes: 4 * MIB,
      mapped,
      // One run that starts and ends inside of a block, one that is too short to be worth it.
      content: (bytes) => bytes.fill(0, MIB + 100, 3 * MIB + 77).fill(0, 8192, 16384),
    });
    const target = makeLoopTarget();
    let bytesSent = 0;
    const io: TargetIo = {
      ...SYSTEM_IO,
      async write(fileDescriptor, bytes, startByte) {
        bytesSent += bytes.length;
        return SYSTEM_IO.write(fileDescriptor, bytes, startByte);
      },
    };
    await copy(fixture, target, { zeroOffload: true, io });
    expectCopied(target.file, fixture, target.fill);
    expect(bytesSent).toBe(2 * MIB + 4096);
    bytesSent = 0;
    const plain = makeLoopTarget();
    await copy(fixture, plain, { io });
    expectCopied(plain.file, fixture, plain.fill);
    expect(bytesSent).toBe(4 * MIB);
  });
});

describeWith(LOOP, 'reading back', () => {
  it('finds nothing on a good device', async () => {
    const fixture = await makeCopyFixture();
    const target = makeLoopTarget();
    const events = await copy(fixture, target, { verifyTarget: true });
    expect(events.map(({ kind }) => kind)).toContain('verifying-target');
    expectCopied(target.file, fixture, target.fill);
  });

  /** Behaves like a card that confirms everything and damages one byte, the first `times`. */
  function makeLyingIo(target: LoopTarget, byte: number, times: number): TargetIo {
    let flushes = 0;
    return {
      ...SYSTEM_IO,
      async flush(fileDescriptor) {
        await SYSTEM_IO.flush(fileDescriptor);
        if (flushes++ >= times) return;
        // Below the device: its cache still holds what was written.
        const file = openSync(target.file, 'r+');
        writeSync(file, Uint8Array.of(0x00, 0x01), 0, 2, byte);
        fsyncSync(file);
        closeSync(file);
      },
    };
  }

  it('sees what the medium holds, not what the cache does', async () => {
    const fixture = await makeCopyFixture();
    const target = makeLoopTarget();
    const io = makeLyingIo(target, MIB, Infinity);
    const verifyTarget = true;
    await expect(copy(fixture, target, { io, verifyTarget })).rejects.toMatchObject({
      code: 'BMAP_MISMATCH',
      kind: 'read-back',
      targetState: 'unverified',
    });
    await expect(copy(fixture, target, { io, verifyTarget, retries: 2 })).rejects.toMatchObject({
      kind: 'read-back',
    });
    // The twin: the same damage where nothing is mapped.
    await copy(fixture, target, { io: makeLyingIo(target, 20_000, Infinity), verifyTarget });
  });

  it('writes again from a source that has to be opened anew', async () => {
    const fixture = await makeCopyFixture();
    const target = makeLoopTarget();
    const image = `${fixture.image}.gz`;
    writeFileSync(image, gzipSync(fixture.bytes));
    const io = makeLyingIo(target, MIB, 2);
    const events = await copy({ ...fixture, image }, target, {
      io,
      verifyTarget: true,
      retries: 1,
    });
    expect(events).toContainEqual(expect.objectContaining({ kind: 'rewriting' }));
    expectCopied(target.file, fixture, target.fill);
    // Standard input cannot be: it has to be right at once.
    const copyFromInput = async (device: LoopTarget, changes: Partial<CopyOptions>) =>
      copy({ ...fixture, image: '-' }, device, {
        bmap: fixture.map,
        stdin: createReadStream(image),
        verifyTarget: true,
        retries: 1,
        ...changes,
      });
    await copyFromInput(makeLoopTarget(), {});
    const other = makeLoopTarget();
    await expect(copyFromInput(other, { io: makeLyingIo(other, MIB, 2) })).rejects.toMatchObject({
      kind: 'read-back',
      targetState: 'unverified',
    });
  });

  it.each([true, false])('writes again what was lost, with a map: %s', async (hasMap) => {
    const fixture = await makeCopyFixture();
    const target = makeLoopTarget();
    // Damaged by the two flushes before the first reading, and by no later one.
    const io = makeLyingIo(target, MIB, 2);
    const nobmap = !hasMap;
    const events = await copy(fixture, target, { io, verifyTarget: true, retries: 1, nobmap });
    expect(events).toContainEqual(expect.objectContaining({ kind: 'rewriting' }));
    const all = RangeSet.of({ startByte: 0, endByte: fixture.bytes.length });
    expectCopied(target.file, hasMap ? fixture : { ...fixture, mapped: all }, target.fill);
  });
});

describeWith([...LOOP, ...requireTools('sgdisk')], 'the backup GPT', () => {
  /** An image with a GPT and one partition; its map holds the table, its backup and some data. */
  async function makeGptFixture(lastDataByte = 2 * MIB): Promise<CopyFixture> {
    const sizeBytes = 6 * MIB;
    const mapped = RangeSet.of(
      { startByte: 0, endByte: 20 * 1024 },
      { startByte: MIB, endByte: lastDataByte },
      { startByte: sizeBytes - 20 * 1024, endByte: sizeBytes },
    );
    const blank = await makeCopyFixture({ sizeBytes, mapped, content: (bytes) => bytes.fill(0) });
    run('sgdisk', ['-o', '-n', `1:2048:${lastDataByte / 512 - 1}`, blank.image]);
    const table = readFileSync(blank.image);
    return makeCopyFixture({ sizeBytes, mapped, content: (bytes) => table.copy(bytes) });
  }

  /** Everything sgdisk finds wrong. */
  function verify({ device }: LoopTarget): string {
    const { stdout } = tryRun('sgdisk', ['-v', device]);
    return stdout;
  }

  it('is moved to the end of a larger device', async () => {
    const fixture = await makeGptFixture();
    const larger = makeLoopTarget(9 * MIB);
    await copy(fixture, larger);
    expect(verify(larger)).not.toContain('No problems found');
    const entry = run('sgdisk', ['-i', '1', larger.device]);
    await copy(fixture, larger, { fixGpt: true });
    expect(verify(larger)).toContain('No problems found');
    expect(run('sgdisk', ['-i', '1', larger.device])).toBe(entry);
    // The protective entry spans the disk: start 1, then the sectors behind it.
    expect(readFileSync(larger.file).readUInt32LE(446 + 12)).toBe((9 * MIB) / 512 - 1);
    // The last partition may now be as long as the device allows.
    expect(run('sgdisk', ['-E', larger.device]).trim()).toBe(`${(9 * MIB) / 512 - 34}`);
    const written = readFileSync(larger.file);
    expectSame(written.subarray(MIB, 2 * MIB), fixture.bytes.subarray(MIB, 2 * MIB));
  });

  it('stays where it is on a device of the same size, and where there is none', async () => {
    const fixture = await makeGptFixture();
    const same = makeLoopTarget(6 * MIB);
    const events = await copy(fixture, same, { fixGpt: true });
    expect(events).toContainEqual(
      expect.objectContaining({
        finding: expect.objectContaining({ code: 'copy.gpt-not-moved' }) as unknown,
      }),
    );
    expectCopied(same.file, fixture, same.fill);
    const plain = await makeCopyFixture();
    const target = makeLoopTarget(6 * MIB);
    await copy(plain, target, { fixGpt: true });
    expectCopied(target.file, plain, target.fill);
  });

  it('may be all that does not fit on a smaller device', async () => {
    const fixture = await makeGptFixture();
    const smaller = makeLoopTarget(4 * MIB);
    const tooSmall = expect.objectContaining({ kind: 'too-small' }) as Error;
    await expect(copy(fixture, smaller)).rejects.toThrow(tooSmall);
    await expect(copy(fixture, smaller, { allowSmaller: true })).rejects.toThrow(tooSmall);
    await copy(fixture, smaller, { allowSmaller: true, fixGpt: true, verifyTarget: true });
    expect(verify(smaller)).toContain('No problems found');
    expectSame(
      readFileSync(smaller.file).subarray(MIB, 2 * MIB),
      fixture.bytes.subarray(MIB, 2 * MIB),
    );
  });

  it('is not mistaken for anything else that does not fit', async () => {
    const plain = await makeCopyFixture({
      sizeBytes: 6 * MIB,
      mapped: RangeSet.of(
        { startByte: 0, endByte: MIB },
        { startByte: 6 * MIB - 4096, endByte: 6 * MIB },
      ),
    });
    const options = { allowSmaller: true, fixGpt: true };
    await expect(copy(plain, makeLoopTarget(4 * MIB), options)).rejects.toMatchObject({
      kind: 'cut-data',
      targetState: 'unverified',
    });
    await copy(plain, makeLoopTarget(6 * MIB), options);
  });

  it('does not make room for a partition that does not fit', async () => {
    const fixture = await makeGptFixture(4 * MIB);
    const exact = makeLoopTarget(4 * MIB);
    await expect(copy(fixture, exact, { allowSmaller: true, fixGpt: true })).rejects.toMatchObject({
      kind: 'gpt-does-not-fit',
      targetState: 'unverified',
    });
    const tail = makeLoopTarget(4 * MIB + 64 * 1024);
    await copy(fixture, tail, { allowSmaller: true, fixGpt: true });
    expect(verify(tail)).toContain('No problems found');
  });

  it('is moved on a device with sectors of 4096 bytes', async () => {
    const sectorBytes = 4096;
    const file = makeFilledFile(makeScratchFolder(), 6 * MIB, 0);
    withLoop(file, { sectorBytes }, (device) => run('sgdisk', ['-o', '-n', '1:256:511', device]));
    const table = readFileSync(file);
    const fixture = await makeCopyFixture({
      sizeBytes: 6 * MIB,
      mapped: RangeSet.of({ startByte: 0, endByte: 6 * MIB }),
      content: (bytes) => table.copy(bytes),
    });
    const larger = makeFilledFile(makeScratchFolder(), 9 * MIB, 0xff);
    const device = attachLoop(larger, { sectorBytes });
    await copyImage({ image: fixture.image, targets: [device], fixGpt: true });
    expect(tryRun('sgdisk', ['-v', device]).stdout).toContain('No problems found');
    expect(run('sgdisk', ['-E', device]).trim()).toBe(`${(9 * MIB) / sectorBytes - 6}`);
  });
});

describeWith(LOOP, 'a device smaller than the image', () => {
  it('is written if everything mapped fits, up to its last block', async () => {
    const fixture = await makeCopyFixture({
      sizeBytes: 6 * MIB,
      mapped: RangeSet.of({ startByte: 0, endByte: 4096 }, { startByte: MIB, endByte: 3 * MIB }),
    });
    const exact = makeLoopTarget(3 * MIB);
    await expect(copy(fixture, exact)).rejects.toMatchObject({ kind: 'too-small' });
    await copy(fixture, exact, { allowSmaller: true, unmapped: 'zero' });
    const expected = Buffer.alloc(3 * MIB);
    for (const { startByte, endByte } of fixture.mapped) {
      fixture.bytes.copy(expected, startByte, startByte, endByte);
    }
    expectSame(readFileSync(exact.file), expected);
    const short = makeLoopTarget(3 * MIB - 4096);
    await expect(copy(fixture, short, { allowSmaller: true })).rejects.toMatchObject({
      kind: 'too-small',
      targetState: 'untouched',
    });
  });
});
