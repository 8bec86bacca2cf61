/** Our reading of healthy tables against that of sfdisk, sgdisk and two packages. */
import path from 'node:path';
import { expect, it } from 'vitest';

import { FileReader } from '../../src/image/file-reader.ts';
import type { PartitionTable } from '../../src/partition/partition-table.ts';
import { readPartitionTable } from '../../src/partition/read-partition-table.ts';
import { describeWith, requireRoot, requireTools } from '../support/requirements.ts';
import { run } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';
import {
  formatVerdict,
  readByGptPackage,
  readByMbrPackage,
  readBySfdisk,
  readBySgdisk,
  type Verdict,
} from '../support/table-judges.ts';
import { TABLE_SHAPES } from '../support/table-shapes.ts';

/** @param mbrSectorBytes what filesystems would tell of an MBR's unit; these images have none. */
function read(file: string, mbrSectorBytes: number): PartitionTable {
  const reader = new FileReader(file);
  const isLarge = mbrSectorBytes === 4096;
  try {
    return readPartitionTable(reader, {
      startsFilesystem: (startByte) => isLarge && startByte % (1024 * 1024) === 0,
    });
  } finally {
    reader.close();
  }
}

/** Our reading as the judges write theirs. */
function formatOurs(table: PartitionTable, schemes: readonly string[]): Verdict {
  const { sectorBytes } = table;
  return formatVerdict(
    table.partitions
      .filter(({ scheme }) => schemes.includes(scheme))
      .map(({ number, type, startByte, endByte }) => ({
        number,
        type,
        first: startByte / sectorBytes,
        end: endByte / sectorBytes,
      })),
  );
}

const needs = [...requireTools('sfdisk', 'sgdisk', 'parted', 'losetup'), ...requireRoot()];
const healthy = TABLE_SHAPES.filter(({ damage }) => damage === undefined);

describeWith(needs, 'the partitions we read', () => {
  it('come from enough shapes', () => {
    expect(healthy.length).toBeGreaterThanOrEqual(20);
  });

  it.each(healthy)('are those of other programs: $title', (shape) => {
    const file = path.join(makeScratchFolder(), 'disk.img');
    shape.make(file);
    const { sectorBytes = 512, scheme = 'mbr' } = shape;
    const table = read(file, sectorBytes);
    expect(table).toMatchObject({ sectorBytes, scheme, isTrusted: true });

    const isGpt = scheme !== 'mbr';
    const ours = formatOurs(table, isGpt ? ['gpt'] : ['mbr', 'logical']);
    expect(ours).not.toEqual([]);
    expect(ours).toEqual(readBySfdisk(file, sectorBytes));
    expect(isGpt ? withoutNumbers(ours) : []).toEqual(
      isGpt ? readByGptPackage(file, sectorBytes) : [],
    );
    const hasSgdisk = isGpt && sectorBytes === 512;
    expect(hasSgdisk ? withoutTypes(ours) : []).toEqual(hasSgdisk ? readBySgdisk(file) : []);
    const primaries = readByMbrPackage(file).filter((line) => !line.includes(' 0xee '));
    expect(formatOurs(table, ['mbr'])).toEqual(primaries);
  });

  it.each(['mac', 'sun', 'bsd', 'amiga', 'dvh'])('are none in a table of type %s', (label) => {
    const file = path.join(makeScratchFolder(), 'disk.img');
    run('truncate', ['--size=64M', file]);
    run('parted', ['--script', file, 'mklabel', label]);
    const table = read(file, 512);
    expect(table).toMatchObject({ scheme: 'foreign', isTrusted: false, partitions: [] });
    expect(table.findings.map(({ code }) => code)).toEqual(['table.foreign']);
  });
});

const withoutNumbers = (lines: Verdict): Verdict => lines.map((line) => line.replace(/^\d+ /, ''));
const withoutTypes = (lines: Verdict): Verdict => lines.map((line) => line.replace(/ \S+/, ''));
