import { closeSync, existsSync, openSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import path from 'node:path';

import { expect, it, onTestFinished } from 'vitest';

import {
  expectCopied,
  makeCopyFixture,
  patchFile,
  type CopyFixture,
} from '../../../test/support/copy-fixture.ts';
import { itWith, requireRoot, requireTools } from '../../../test/support/requirements.ts';
import { run } from '../../../test/support/run.ts';
import { makeScratchFolder } from '../../../test/support/scratch.ts';
import { parseBmap } from '../../bmap/parse-bmap.ts';
import { stopWork } from '../../bmap/shared-ranges.ts';
import type { ByteRange } from '../../ranges/byte-range.ts';
import { RangeSet } from '../../ranges/range-set.ts';
import { planMappedCopy } from '../copy-plan.ts';
import { TargetQueue } from '../target-queue.ts';
import { FileTarget } from '../target/file-target.ts';
import { SYSTEM_IO } from '../target/target-io.ts';
import { copyInLanes } from './copy-in-lanes.ts';
import { layOutLanes } from './plan-lanes.ts';

const MIB = 2 ** 20;
const BLOCK = 4096;
const SIZE_BYTES = 38 * MIB + 1000;

/** Longer than what is withheld, and as long. */
const LONG = { startByte: MIB, endByte: 13 * MIB + BLOCK };
const SHORT = { startByte: 14 * MIB, endByte: 22 * MIB };
const MAPPED = RangeSet.of(
  { startByte: 0, endByte: BLOCK },
  LONG,
  SHORT,
  { startByte: 23 * MIB, endByte: 25 * MIB },
  { startByte: 26 * MIB, endByte: 37 * MIB },
  { startByte: 38 * MIB, endByte: SIZE_BYTES },
);

async function makeFixture(mapped = MAPPED): Promise<CopyFixture> {
  return makeCopyFixture({ sizeBytes: SIZE_BYTES, mapped });
}

interface Settings {
  readonly verify?: boolean;
  readonly folder?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (bytesDone: number) => void;
  /** Where the image is cut. */
  readonly endByte?: number;
}

/** Everything a copy in lanes takes, with a target that is not there yet. */
function prepare(fixture: CopyFixture, settings: Settings = {}) {
  const { verify = true, onProgress = () => {} } = settings;
  const fileDescriptor = openSync(fixture.image, 'r');
  onTestFinished(() => closeSync(fileDescriptor));
  const size = { sizeBytes: SIZE_BYTES, mayBeLarger: false };
  const names = { map: fixture.map, target: 'target' };
  const plan = planMappedCopy(parseBmap(readFileSync(fixture.map)), size, names, verify);
  const job = layOutLanes({ fileDescriptor, name: fixture.image }, plan)!;

  if (settings.endByte !== undefined) truncateSync(fixture.image, settings.endByte);

  const target = path.join(settings.folder ?? fixture.folder, 'target');
  const file = new FileTarget(target, undefined, { io: SYSTEM_IO, takesThreads: true });
  const signal = settings.signal ?? new AbortController().signal;
  const queue = new TargetQueue(file, signal);
  onTestFinished(async () => file.close());
  return {
    job,
    target,
    queue,
    copy: async () => copyInLanes(job, { queue, onProgress, signal }),
    complete: async () =>
      file.complete({ unmapped: RangeSet.empty, policy: 'skip', endByte: SIZE_BYTES, signal }),
  };
}

function damage({ image, bytes }: CopyFixture, { endByte }: ByteRange): void {
  patchFile(image, endByte - 1, Uint8Array.of(bytes[endByte - 1]! ^ 1));
}

it('copies all ranges, and nothing between them', async () => {
  const fixture = await makeFixture();
  const told: number[] = [];
  const onProgress = (bytesDone: number) => told.push(bytesDone);
  const { copy, complete, target, queue } = prepare(fixture, { onProgress });
  await copy();
  await complete();
  expectCopied(target, fixture, 0);
  expect(queue.bytesWritten).toBe(fixture.mapped.lengthBytes);
  expect(told.at(-1)).toBe(fixture.mapped.lengthBytes);
  expect(told).toEqual(told.toSorted((one, other) => one - other));
});

it.each([
  ['writes nothing of a range that is wrong', SHORT, SHORT.startByte],
  ['withholds the end of a longer one', LONG, LONG.endByte - 8 * MIB],
])('%s', async (_, range, fromByte) => {
  const fixture = await makeFixture();
  damage(fixture, range);
  const { copy, target } = prepare(fixture);
  const blocks = `${range.startByte / BLOCK}-${range.endByte / BLOCK - 1}`;
  await expect(copy()).rejects.toMatchObject({
    kind: 'range-checksum',
    message: expect.stringContaining(`checksum mismatch for blocks range ${blocks}:`) as string,
  });
  const notWritten = readFileSync(target).subarray(fromByte, range.endByte);
  expect(notWritten.every((byte) => byte === 0)).toBe(true);
});

it('makes no target before something was right', async () => {
  const fixture = await makeFixture(RangeSet.of(SHORT));
  damage(fixture, SHORT);
  const { copy, target } = prepare(fixture);
  await expect(copy()).rejects.toMatchObject({ kind: 'range-checksum' });
  expect(existsSync(target)).toBe(false);
});

it('compares nothing where that is not wanted', async () => {
  const fixture = await makeFixture();
  damage(fixture, SHORT);
  const { copy, complete, target } = prepare(fixture, { verify: false });
  await copy();
  await complete();
  const bytes = Buffer.from(fixture.bytes);
  bytes[SHORT.endByte - 1]! ^= 1;
  expectCopied(target, { ...fixture, bytes }, 0);
});

it('says where the source ends too early', async () => {
  const fixture = await makeFixture(RangeSet.of({ startByte: 0, endByte: BLOCK }, LONG));
  const { copy } = prepare(fixture, { endByte: 10 * MIB });
  await expect(copy()).rejects.toMatchObject({
    kind: 'short-read',
    message: expect.stringContaining(`ends at byte ${10 * MIB}`) as string,
  });
});

it('ends all lanes when one has failed', async () => {
  const others = RangeSet.of(
    { startByte: 0, endByte: 9 * MIB },
    { startByte: 10 * MIB, endByte: 19 * MIB },
  );
  const longest = RangeSet.of({ startByte: 20 * MIB, endByte: 38 * MIB });
  const { copy, queue } = prepare(await makeFixture(others.union(longest)), { endByte: 19 * MIB });
  await expect(copy()).rejects.toMatchObject({ kind: 'short-read' });
  expect(queue.bytesWritten).toBeLessThan(others.lengthBytes);
});

it('keeps the failure of a target that cannot be made', async () => {
  const fixture = await makeFixture();
  const folder = makeScratchFolder();
  const { copy, queue } = prepare(fixture, { folder });
  rmSync(folder, { recursive: true });
  await copy();
  expect(queue.failure).toMatchObject({ error: { kind: 'ENOENT' } });
  expect(queue.bytesWritten).toBe(0);
});

itWith([...requireRoot(), ...requireTools('mount')], 'keeps that of a full one', async () => {
  const folder = makeScratchFolder();
  run('mount', ['-t', 'tmpfs', '-o', 'size=5m', 'tmpfs', folder]);
  onTestFinished(() => void run('umount', [folder]));
  const { copy, queue } = prepare(await makeFixture(), { folder });
  await copy();
  expect(queue.failure).toMatchObject({
    error: {
      kind: 'ENOSPC',
      message: expect.stringMatching(/cannot write at byte \d+: .*space/) as string,
    },
  });
  expect(queue.bytesWritten).toBeLessThanOrEqual(5 * MIB);
});

it('ends when it is interrupted', async () => {
  const aborting = new AbortController();
  const reason = new Error('enough');
  const fixture = await makeFixture();
  const { copy, queue } = prepare(fixture, {
    signal: aborting.signal,
    // Told first when the lanes have just been started.
    onProgress: () => aborting.abort(reason),
  });
  await expect(copy()).rejects.toBe(reason);
  expect(queue.bytesWritten).toBeLessThan(fixture.mapped.lengthBytes);
});

it('does not take lanes for done that only stopped', async () => {
  let stop = (): void => {};
  const { copy, job } = prepare(await makeFixture(), { onProgress: () => stop() });
  stop = () => stopWork(job.ranges);
  await expect(copy()).rejects.toThrow('stopped without a reason');
});

it('ends with what its caller throws', async () => {
  const fixture = await makeFixture();
  const { copy, queue } = prepare(fixture, {
    onProgress: () => {
      throw new Error('of the caller');
    },
  });
  await expect(copy()).rejects.toThrow('of the caller');
  expect(queue.bytesWritten).toBeLessThan(fixture.mapped.lengthBytes);
});
