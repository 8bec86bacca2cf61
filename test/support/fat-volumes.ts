/** Real FAT volumes, and what outside programs say of them. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';

import type { Finding } from '../../src/errors/finding.ts';
import {
  BOOT_SECTOR_BYTES,
  parseBootSector,
  type BootSector,
} from '../../src/fs-probes/fat/boot-sector.ts';
import { makePoisonedCopy, scanFileForTest } from './poison.ts';
import { run, tryRun } from './run.ts';
import { hashTree } from './tree-hash.ts';

export interface FatGeometry {
  readonly sizeBytes: number;
  /** For mkfs.fat. */
  readonly options: string;
  /** Where the filesystem starts in the file, in sectors of 512 bytes. */
  readonly startSector?: number;
}

const KiB = 1024;
const MiB = 1024 * KiB;

interface FsckAnswer {
  readonly complaints: readonly string[];
  readonly freeBytes: number | undefined;
}

interface FatJudgement extends FsckAnswer {
  readonly files: readonly string[];
  /** Digests of what no program reads whole. */
  readonly fixedAreas: string;
  readonly tail: string;
}

/** What a poison test has to compare. */
export interface FatPoisonResult {
  readonly warnings: readonly Finding[];
  /** Outside programs on the volume, and on its copy without what the map leaves out. */
  readonly before: FatJudgement;
  readonly after: FatJudgement;
  readonly releasedBytes: number;
  /** Free clusters by fsck.fat; undefined where it cannot say, or where two readings are mapped. */
  readonly freeBytes: number | undefined;
}

/** Fills the empty volume in `folder/image`, and overwrites in a copy what its map leaves out. */
export async function poisonFatVolume(folder: string, startSector = 0): Promise<FatPoisonResult> {
  const image = path.join(folder, 'image');
  fillFatVolume(image, startSector, folder);
  const before = judgeFatVolume(image, startSector, path.join(folder, 'before'));
  const report = await scanFileForTest(image);
  const copy = path.join(folder, 'poisoned');
  makePoisonedCopy(image, report.mapped, copy);
  const claim = report.volumes.flatMap(({ claims }) => claims).find((c) => c.probeName === 'fat')!;
  const hasTwoReadings = report.findings.some(({ code }) => code === 'fat.type-ambiguous');
  return {
    warnings: report.findings.filter(({ level }) => level !== 'info'),
    before,
    after: judgeFatVolume(copy, startSector, path.join(folder, 'after')),
    releasedBytes: claim.released.lengthBytes,
    freeBytes: hasTwoReadings ? undefined : before.freeBytes,
  };
}

/** Makes `folder/image` with an empty volume. @returns what mkfs.fat says if it does not want to. */
export function makeFatVolume(
  folder: string,
  { sizeBytes, options, startSector = 0 }: FatGeometry,
): string | undefined {
  const image = path.join(folder, 'image');
  writeFileSync(image, '');
  truncateSync(image, startSector * 512 + sizeBytes);
  const place =
    startSector === 0 ? [image] : [`--offset=${startSector}`, image, `${sizeBytes / KiB}`];
  const made = tryRun('mkfs.fat', [...options.split(' '), '-i', '1234abcd', ...place]);
  if (made.status !== 0) return made.stderr;
  if (startSector !== 0) {
    run('sfdisk', ['--quiet', image], { input: `label: dos\n${startSector},,c\n` });
  }
  return undefined;
}

/** Leaves the volume fragmented: files of many sizes, some deleted, larger ones after. */
function fillFatVolume(image: string, startSector: number, folder: string): void {
  const disk = `${image}@@${startSector * 512}`;
  // Small enough that a third of the volume stays free.
  const unit = Math.floor(Math.min(statSync(image).size, 64 * MiB) / 256);
  const put = (name: string, lengthBytes: number): void => {
    const file = path.join(folder, 'file');
    writeFileSync(file, noise(lengthBytes));
    run('mcopy', ['-i', disk, file, `::${name}`]);
  };
  run('mmd', ['-i', disk, '::/sub', '::/sub/deep', '::/A long name of a directory']);
  for (let number = 1; number <= 8; number++) put(`/${number}.bin`, number * unit);
  put('/empty', 0);
  for (let number = 1; number <= 40; number++) put(`/sub/deep/small file ${number}.txt`, number);
  run('mdel', ['-i', disk, '::/2.bin', '::/5.bin', '::/sub/deep/small file 7.txt']);
  for (let number = 1; number <= 3; number++) put(`/sub/${number}.bin`, (number + 3) * unit + 1);
  put('/A long name of a directory/last.bin', 10 * unit);
}

/** All that outside programs can tell about the volume. */
function judgeFatVolume(image: string, startSector: number, folder: string): FatJudgement {
  const bytes = readFileSync(image).subarray(startSector * 512);
  mkdirSync(folder);
  const volume = path.join(folder, 'volume');
  writeFileSync(volume, bytes);
  const files = path.join(folder, 'files');
  mkdirSync(files);
  run('mcopy', ['-s', '-m', '-i', volume, '::/', files]);
  const boot = parseBootSector(bytes.subarray(0, BOOT_SECTOR_BYTES));
  const dataEndByte = boot.dataStartByte + boot.clusterCount * boot.clusterBytes;
  return {
    files: hashTree(files),
    // Both tables, both boot sectors and the root directory: no program reads them all.
    fixedAreas: createHash('sha256').update(bytes.subarray(0, boot.dataStartByte)).digest('hex'),
    tail: createHash('sha256').update(bytes.subarray(dataEndByte)).digest('hex'),
    ...askFsck(volume, boot),
  };
}

/** fsck.fat refuses more than two copies of the table; mtools and the comparison must do then. */
function askFsck(volume: string, boot: BootSector): FsckAnswer {
  if (boot.fatCount > 2) return { complaints: [], freeBytes: undefined };
  const { status, stdout } = tryRun('fsck.fat', ['-n', '-v', volume]);
  const complaints = stdout.split('\n').filter((line) => !line.startsWith(volume));
  // It wants a label where Atari has none, and says nothing else then.
  expect(status).toBe(stdout.includes("Label '' stored in boot sector is not valid") ? 1 : 0);
  const [, usedClusters, clusters] = /, (\d+)\/(\d+) clusters/.exec(stdout)!.map(Number);
  return { complaints, freeBytes: (clusters! - usedClusters!) * boot.clusterBytes };
}

/** Bytes that repeat at every run, and look like nothing else. */
function noise(lengthBytes: number): Uint8Array {
  const bytes = new Uint8Array(lengthBytes);
  let state = lengthBytes;
  for (let at = 0; at < lengthBytes; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}
