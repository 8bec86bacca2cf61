/**
 * Poison tests of partition tables: every shape filled with ext4 filesystems, everything that the map
 * leaves out overwritten. Then no byte outside of the filesystems may differ, and inside of them no file.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

import { FileReader } from '../../src/image/file-reader.ts';
import type { Partition } from '../../src/partition/partition-table.ts';
import { RangeSet } from '../../src/ranges/range-set.ts';
import type { ScanReport } from '../../src/scan/scan-image.ts';
import { makePoisonedCopy, scanFileForTest } from '../support/poison.ts';
import { describeWith, requireRoot, requireTools } from '../support/requirements.ts';
import { run } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';
import { MIB, TABLE_SHAPES, type TableShape } from '../support/table-shapes.ts';
import { hashTree } from '../support/tree-hash.ts';

const needs = [
  ...requireTools('sfdisk', 'sgdisk', 'parted', 'losetup', 'mke2fs', 'e2fsck', 'debugfs'),
  ...requireRoot(),
];

describeWith(needs, 'what is left out of partitions', () => {
  it('is looked for in enough shapes', () => {
    expect(TABLE_SHAPES.length).toBeGreaterThanOrEqual(30);
  });

  it.each(TABLE_SHAPES)('nobody misses: $title', async (shape) => {
    const folder = makeScratchFolder();
    const image = path.join(folder, 'disk.img');
    shape.make(image);
    const filled = await findRoom(image, shape);
    expect(filled).not.toEqual([]);
    fill(image, filled, folder);
    shape.damage?.(image);

    const report = await scanFileForTest(image);
    const { table, imageBytes, mapped } = report;
    expect(table.scheme).toBe(shape.scheme ?? 'mbr');
    expect(warningsOf(report)).toEqual(shape.warnings ?? []);
    expect(table.isTrusted).toBe(shape.isDistrusted !== true);

    // Every filesystem was found, and left something out, unless nothing may be.
    const left = mapped.complementWithin(0, imageBytes);
    const isLeftOut = filled.map(({ startByte, endByte }) => left.intersects(startByte, endByte));
    expect(isLeftOut).toEqual(filled.map(() => table.isTrusted));

    const copy = path.join(folder, 'poisoned.img');
    makePoisonedCopy(image, mapped, copy);
    const outside = RangeSet.of(...filled).complementWithin(0, imageBytes);
    expect(findDifference(image, copy, outside)).toBeUndefined();
    const judged = filled.map((partition) => judge(copy, partition, folder));
    expect(judged).toEqual(filled.map((partition) => judge(image, partition, folder)));
  });
});

/** The partitions that get a filesystem. */
async function findRoom(image: string, { blank = [] }: TableShape): Promise<readonly Partition[]> {
  const { partitions } = (await scanFileForTest(image)).table;
  return partitions.filter(
    ({ number, scheme, isContainer, startByte, endByte }) =>
      !isContainer &&
      !blank.includes(number) &&
      endByte - startByte >= MIB &&
      // A hybrid MBR names the same once more.
      !(
        scheme === 'mbr' && partitions.some((p) => p.scheme === 'gpt' && p.startByte === startByte)
      ),
  );
}

function fill(image: string, partitions: readonly Partition[], folder: string): void {
  const source = path.join(folder, 'source');
  mkdirSync(source);
  for (let index = 0; index < 20; index++) {
    writeFileSync(path.join(source, `file ${index}`), Buffer.alloc(index * 3001, index));
  }
  for (const { startByte, endByte } of partitions) {
    const size = `${Math.floor((endByte - startByte) / 1024)}k`;
    const options = ['-q', '-F', '-t', 'ext4', '-b', '1024', '-O', '^has_journal', '-d', source];
    run('mke2fs', [...options, '-E', `offset=${startByte}`, image, size]);
  }
}

function warningsOf({ findings }: ScanReport): readonly string[] {
  return findings.filter(({ level }) => level !== 'info').map(({ code }) => code);
}

/** All files of the filesystem, which must be healthy. */
function judge(image: string, { startByte }: Partition, folder: string): readonly string[] {
  const place = `${image}?offset=${startByte}`;
  run('e2fsck', ['-f', '-n', place]);
  const target = path.join(folder, `${path.basename(image)}-${startByte}`);
  mkdirSync(target);
  run('debugfs', ['-R', `rdump / ${target}`, place]);
  const lines = hashTree(target);
  expect(lines.length).toBeGreaterThan(20);
  return lines;
}

/** The first byte of the ranges that is not the same in both files. */
function findDifference(one: string, other: string, ranges: RangeSet): number | undefined {
  const readers = [new FileReader(one), new FileReader(other)] as const;
  try {
    for (const { startByte, endByte } of ranges) {
      for (let at = startByte; at < endByte; at += MIB) {
        const [a, b] = readers.map((reader) => reader.readAt(at, Math.min(MIB, endByte - at)));
        if (Buffer.compare(a!, b!) !== 0) return at + a!.findIndex((byte, i) => byte !== b![i]);
      }
    }
    return undefined;
  } finally {
    for (const reader of readers) reader.close();
  }
}
