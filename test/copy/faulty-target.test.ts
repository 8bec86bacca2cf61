/** Targets that fail, at every place where they can, and sources whose bytes are not what the map says. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { describe, expect, it } from 'vitest';

import { copyImage } from '../../src/copy/copy-image.ts';
import type { CopyOptions } from '../../src/copy/copy-options.ts';
import { SYSTEM_IO, type TargetIo } from '../../src/copy/target/target-io.ts';
import { RangeSet } from '../../src/ranges/range-set.ts';
import {
  expectCopied,
  expectSame,
  expectUntouched,
  makeCopyFixture,
  makeFilledFile,
  makeLoopTarget,
  patchFile,
  type CopyFixture,
} from '../support/copy-fixture.ts';
import { describeWith, itWith, requireRoot, requireTools } from '../support/requirements.ts';

const MIB = 2 ** 20;
const LOOP = [...requireRoot(), ...requireTools('losetup')];

interface WriteRecord {
  readonly startByte: number | null;
  readonly lengthBytes: number;
}

/** Does what the system does, writes down each call, and fails in the one with this number. */
function makeFaultyIo(failing: { write?: number; flush?: number; code?: string }) {
  const writes: WriteRecord[] = [];
  let flushes = 0;
  const fault = (): Error =>
    Object.assign(new Error('made to fail'), { code: failing.code ?? 'EIO' });
  const io: TargetIo = {
    async write(fileDescriptor, bytes, startByte) {
      if (writes.length === failing.write) throw fault();
      writes.push({ startByte, lengthBytes: bytes.length });
      return SYSTEM_IO.write(fileDescriptor, bytes, startByte);
    },
    async flush(fileDescriptor) {
      if (flushes++ === failing.flush) throw fault();
      return SYSTEM_IO.flush(fileDescriptor);
    },
  };
  return { io, writes, countFlushes: () => flushes };
}

async function copy({ image }: CopyFixture, target: string, changes: Partial<CopyOptions>) {
  return copyImage({ image, targets: [target], ...changes });
}

describeWith(LOOP, 'a block device that fails', () => {
  it('at any write is told with its place and state, and nothing is written behind', async () => {
    const fixture = await makeCopyFixture();
    const whole = makeFaultyIo({});
    await copy(fixture, makeLoopTarget().device, { io: whole.io });
    expect(whole.writes.length).toBeGreaterThan(4);
    for (const failing of whole.writes.keys()) {
      const target = makeLoopTarget();
      const { io, writes } = makeFaultyIo({ write: failing });
      await expect(copy(fixture, target.device, { io })).rejects.toMatchObject({
        code: 'BMAP_SYSTEM',
        kind: 'EIO',
        targetState: 'partial',
        message: `${target.device}: cannot write at byte ${whole.writes[failing]!.startByte}: input/output error`,
      });
      // A target that failed takes no more writes; the ones before it are the image's.
      expect(writes).toEqual(whole.writes.slice(0, failing));
      const written = RangeSet.of(
        ...writes.map(({ startByte, lengthBytes }) => ({
          startByte: startByte!,
          endByte: startByte! + lengthBytes,
        })),
      );
      // What was not flushed may be seen on the device only.
      expectCopied(target.device, { ...fixture, mapped: written }, target.fill);
    }
  });

  it.each([0, 1])('at flush %d is not called a success', async (flush) => {
    // Several flushes while writing need more bytes than the first step.
    const mapped = RangeSet.of({ startByte: 0, endByte: 6 * MIB });
    const fixture = await makeCopyFixture({ sizeBytes: 6 * MIB, mapped });
    const { io, countFlushes } = makeFaultyIo({ flush });
    const state = flush === 0 ? 'partial' : 'unverified';
    await expect(copy(fixture, makeLoopTarget().device, { io })).rejects.toMatchObject({
      code: 'BMAP_SYSTEM',
      kind: 'EIO',
      targetState: state,
    });
    expect(countFlushes()).toBe(flush + 1);
  });

  it('is written in the order of the image and flushed behind the last write', async () => {
    const fixture = await makeCopyFixture();
    const events: string[] = [];
    const io: TargetIo = {
      async write(fileDescriptor, bytes, startByte) {
        events.push(`write ${startByte} ${bytes.length}`);
        return SYSTEM_IO.write(fileDescriptor, bytes, startByte);
      },
      async flush(fileDescriptor) {
        events.push('flush');
        return SYSTEM_IO.flush(fileDescriptor);
      },
    };
    await copy(fixture, makeLoopTarget().device, { io });
    const expected = [...fixture.mapped].flatMap(({ startByte, endByte }) => {
      const lines: string[] = [];
      for (let at = startByte; at < endByte; at += 2 * MIB) {
        lines.push(`write ${at} ${Math.min(2 * MIB, endByte - at)}`);
      }
      return lines;
    });
    expect(events).toEqual([...expected, 'flush']);
  });
});

describe('a file that fails', () => {
  it('for lack of space is told so', async () => {
    const fixture = await makeCopyFixture();
    const target = path.join(fixture.folder, 'target');
    const { io } = makeFaultyIo({ write: 1, code: 'ENOSPC' });
    await expect(copy(fixture, target, { io })).rejects.toMatchObject({
      kind: 'ENOSPC',
      targetState: 'partial',
    });
  });

  it('to be quick is left soon when the copy is stopped', async () => {
    const sizeBytes = 14 * MIB;
    const mapped = RangeSet.of({ startByte: 0, endByte: sizeBytes });
    const fixture = await makeCopyFixture({ sizeBytes, mapped });
    const stopping = new AbortController();
    let writes = 0;
    let stoppedMs = 0;
    const io: TargetIo = {
      ...SYSTEM_IO,
      async write(fileDescriptor, bytes, startByte) {
        await sleep(300);
        if (++writes === 2) {
          stoppedMs = performance.now();
          stopping.abort();
        }
        return SYSTEM_IO.write(fileDescriptor, bytes, startByte);
      },
    };
    const target = path.join(fixture.folder, 'target');
    await expect(copy(fixture, target, { io, signal: stopping.signal })).rejects.toMatchObject({
      code: 'BMAP_INTERRUPTED',
      targetState: 'partial',
      message: expect.stringContaining('4.0 MiB of 14.0 MiB written') as string,
    });
    expect(performance.now() - stoppedMs).toBeLessThan(1000);
    expect(writes).toBe(2);
  });

  it('to be made is untouched', async () => {
    const fixture = await makeCopyFixture();
    await expect(copy(fixture, '', {})).rejects.toMatchObject({
      kind: 'ENOENT',
      targetState: 'untouched',
    });
  });

  it('with short writes is written all the same', async () => {
    const fixture = await makeCopyFixture();
    const target = path.join(fixture.folder, 'target');
    const io: TargetIo = {
      ...SYSTEM_IO,
      write: async (fileDescriptor, bytes, startByte) =>
        SYSTEM_IO.write(fileDescriptor, bytes.subarray(0, 100_000), startByte),
    };
    await copy(fixture, target, { io });
    expectCopied(target, fixture, 0);
  });

  it('to take any byte does not hang', async () => {
    const fixture = await makeCopyFixture();
    const target = path.join(fixture.folder, 'target');
    const io: TargetIo = { ...SYSTEM_IO, write: async () => ({ bytesWritten: 0 }) };
    await expect(copy(fixture, target, { io })).rejects.toMatchObject({ kind: 'short-write' });
  });

  it('on a real full device is told so', async () => {
    const fixture = await makeCopyFixture();
    await expect(copy(fixture, '/dev/full', {})).rejects.toMatchObject({
      kind: 'ENOSPC',
      targetState: 'partial',
    });
  });
});

describe('a range that is not what the map says', () => {
  /** One bit of the image flipped where it is mapped. */
  async function makeDamaged(mapped: RangeSet, damagedByte: number): Promise<CopyFixture> {
    const sizeBytes = mapped.at(mapped.count - 1).endByte;
    const fixture = await makeCopyFixture({ sizeBytes, mapped });
    patchFile(fixture.image, damagedByte, Uint8Array.of(fixture.bytes[damagedByte]! ^ 4));
    return fixture;
  }

  it('of up to 8 MiB is not written, and the file that was there is left as it was', async () => {
    const mapped = RangeSet.of({ startByte: 0, endByte: 8 * MIB });
    const fixture = await makeDamaged(mapped, 17);
    const target = makeFilledFile(fixture.folder, 1000, 0xee);
    await expect(copy(fixture, target, {})).rejects.toMatchObject({
      code: 'BMAP_MISMATCH',
      kind: 'range-checksum',
      targetState: 'untouched',
      message: expect.stringMatching(
        /^checksum mismatch for blocks range 0-2047: calculated [0-9a-f]{64}, should be [0-9a-f]{64} \(image file .*disk\.img\)$/,
      ) as string,
    });
    expectSame(readFileSync(target), Buffer.alloc(1000, 0xee));
    const missing = path.join(fixture.folder, 'missing');
    await expect(copy(fixture, missing, {})).rejects.toMatchObject({ targetState: 'untouched' });
    expect(existsSync(missing)).toBe(false);
    await copy(fixture, missing, { verify: false });
    expectSame(readFileSync(missing), readFileSync(fixture.image));
  });

  it('of more than 8 MiB lacks its last 8 MiB', async () => {
    const mapped = RangeSet.of({ startByte: 0, endByte: 12 * MIB + 4096 });
    const fixture = await makeDamaged(mapped, 17);
    const target = path.join(fixture.folder, 'target');
    await expect(copy(fixture, target, {})).rejects.toMatchObject({ targetState: 'partial' });
    const written = readFileSync(target);
    expect(written.length).toBe(4 * MIB);
    expectSame(written, readFileSync(fixture.image).subarray(0, 4 * MIB));
  });

  it('stops the copy behind the ranges before it', async () => {
    const good = { startByte: 0, endByte: 4096 };
    const bad = { startByte: MIB, endByte: MIB + 8192 };
    const fixture = await makeDamaged(RangeSet.of(good, bad), MIB + 5000);
    const target = makeFilledFile(fixture.folder, 2 * MIB, 0xff);
    await expect(copy(fixture, target, {})).rejects.toMatchObject({ targetState: 'partial' });
    expectSame(readFileSync(target), fixture.bytes.subarray(0, 4096));
  });

  itWith(LOOP, 'leaves a device untouched if it is the first', async () => {
    const fixture = await makeDamaged(RangeSet.of({ startByte: 0, endByte: MIB }), 0);
    const target = makeLoopTarget();
    await expect(copy(fixture, target.device, {})).rejects.toMatchObject({
      kind: 'range-checksum',
      targetState: 'untouched',
    });
    expectUntouched(target);
  });
});

describe('a source that is not as long as the map says', () => {
  it.each([-1, 1, 4096])(
    'by %d bytes is refused before anything is written',
    async (difference) => {
      const fixture = await makeCopyFixture();
      const other = path.join(fixture.folder, 'other.img');
      const longer = Buffer.concat([fixture.bytes, Buffer.alloc(8192)]);
      writeFileSync(other, longer.subarray(0, fixture.bytes.length + difference));
      const target = makeFilledFile(fixture.folder, 1000, 0xee);
      await expect(
        copy({ ...fixture, image: other }, target, { bmap: fixture.map }),
      ).rejects.toMatchObject({
        kind: 'image-size',
        targetState: 'untouched',
        message: expect.stringMatching(
          /^cannot set image size to \d+ bytes, it is known to be \d+ bytes/,
        ) as string,
      });
      expectSame(readFileSync(target), Buffer.alloc(1000, 0xee));
    },
  );

  it.each([
    [-1, 'short-image'],
    [1, 'image-size'],
  ] as const)('by %d bytes fails at the end of a stream', async (difference, kind) => {
    const fixture = await makeCopyFixture();
    const target = path.join(fixture.folder, 'target');
    const longer = Buffer.concat([fixture.bytes, Buffer.alloc(1)]);
    const stream = longer.subarray(0, fixture.bytes.length + difference);
    const { Readable } = await import('node:stream');
    await expect(
      copyImage({
        image: '-',
        stdin: Readable.from([stream]),
        targets: [target],
        bmap: fixture.map,
      }),
    ).rejects.toMatchObject({
      code: 'BMAP_MISMATCH',
      kind,
      targetState: 'partial',
      message: expect.stringMatching(
        /^wrote \d+ blocks from image '.*' to '.*', but should have \d+ - bmap file '.*' does not belong to this image/,
      ) as string,
    });
  });
});

it('reads a changing source with a warning in the end', async () => {
  const fixture = await makeCopyFixture({ checksums: false });
  const target = path.join(fixture.folder, 'target');
  let hasChanged = false;
  await expect(
    copy(fixture, target, {
      onEvent: (event) => {
        if (event.kind !== 'progress' || hasChanged) return;
        hasChanged = true;
        patchFile(fixture.image, 5, Uint8Array.of(0));
      },
    }),
  ).rejects.toMatchObject({ kind: 'image-changed', targetState: 'partial' });
});
