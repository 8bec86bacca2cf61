import { closeSync, openSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { expect, it, onTestFinished } from 'vitest';

import { makeScratchFolder } from '../../../test/support/scratch.ts';
import type { CopyPlan, PlannedRange } from '../copy-plan.ts';
import { planLanes } from './plan-lanes.ts';

const MIB = 2 ** 20;

function openHole(sizeBytes: number) {
  const name = path.join(makeScratchFolder(), 'image');
  writeFileSync(name, '');
  truncateSync(name, sizeBytes);
  const fileDescriptor = openSync(name, 'r');
  onTestFinished(() => closeSync(fileDescriptor));
  return { name, fileDescriptor };
}

/** Ranges of so many MiB each, one behind the other, with gaps of one. */
function makePlan(lengthsMib: readonly number[], checksum?: string): CopyPlan {
  const ranges: PlannedRange[] = [];
  let nextByte = 0;
  for (const length of lengthsMib) {
    const endByte = nextByte + length * MIB;
    ranges.push({ startByte: nextByte, endByte, ...(checksum !== undefined && { checksum }) });
    nextByte = endByte + MIB;
  }
  return {
    imageSizeBytes: nextByte,
    blockSizeBytes: 4096,
    ranges,
    mappedBytes: lengthsMib.reduce((sum, length) => sum + length * MIB, 0),
    digest: checksum === undefined ? undefined : 'sha256',
    names: { map: undefined, target: '' },
  };
}

const CHECKSUM = 'ab'.repeat(32);

it('takes many ranges, the longest first', () => {
  const plan = makePlan([30, 40, 10], CHECKSUM);
  const job = planLanes(openHole(plan.imageSizeBytes!), plan)!;
  expect([...job.ranges.order]).toEqual([1, 0, 2]);
  expect([...job.ranges.bounds]).toEqual([0, 30, 31, 71, 72, 82].map((mib) => mib * MIB));
  expect(job.checksums).toEqual(new Uint8Array(3 * 32).fill(0xab));
});

it('takes ranges without checksums', () => {
  const plan = makePlan([40, 40]);
  const job = planLanes(openHole(plan.imageSizeBytes!), plan);
  expect(job).toMatchObject({ checksums: undefined });
});

it.each([
  ['little', [30, 30]],
  ['one range that outlasts the others', [70, 60, 1]],
  ['nothing', []],
])('leaves %s to one thread', (_, lengthsMib) => {
  const plan = makePlan(lengthsMib, CHECKSUM);
  expect(planLanes(openHole(plan.imageSizeBytes!), plan)).toBe(undefined);
});

it('leaves ranges to one thread of which only some have a checksum', () => {
  const plan = makePlan([40, 40], CHECKSUM);
  const { startByte, endByte } = plan.ranges[1]!;
  const ranges = [plan.ranges[0]!, { startByte, endByte }];
  expect(planLanes(openHole(plan.imageSizeBytes!), { ...plan, ranges })).toBe(undefined);
});

it('says where an image ends inside of its ranges', () => {
  const plan = makePlan([40, 40], CHECKSUM);
  expect(() => planLanes(openHole(20 * MIB), plan)).toThrow(/ends at byte/);
});
