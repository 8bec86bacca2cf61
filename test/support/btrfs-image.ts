/**
 * Makes btrfs images with mkfs and the kernel, and judges copies of them in which everything that the
 * map leaves out was overwritten. A filesystem of several devices is an image with a partition for each.
 */
import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';

import {
  parseSuperblock,
  SUPERBLOCK_BYTES,
  SUPERBLOCK_STARTS,
} from '../../src/fs-probes/btrfs/superblock.ts';
import type { ExtentKind } from '../../src/fs-probes/fs-probe.ts';
import { FileReader } from '../../src/image/file-reader.ts';
import type { ScanReport } from '../../src/scan/scan-image.ts';
import { withLoop, withMountedDevice } from './loop-device.ts';
import { makePoisonedCopy, scanFileForTest } from './poison.ts';
import { run } from './run.ts';
import { countDumpedBytes } from './btrfs-dump.ts';
import { runBtrfs, tryBtrfs } from './btrfs-tool.ts';
import { hashTree } from './tree-hash.ts';

export const MIB = 1024 * 1024;

/** Where the devices of a filesystem lie in their image. */
export interface BtrfsImage {
  readonly file: string;
  readonly devices: readonly { readonly startByte: number; readonly lengthBytes: number }[];
}

/** An image of zeros with room for one device, or a GPT with one partition for each of several. */
export function makeEmptyImage(file: string, deviceBytes: readonly number[]): BtrfsImage {
  const devices: { startByte: number; lengthBytes: number }[] = [];
  let endByte = deviceBytes.length === 1 ? 0 : MIB;
  for (const lengthBytes of deviceBytes) {
    devices.push({ startByte: endByte, lengthBytes });
    endByte += lengthBytes;
  }
  writeFileSync(file, '');
  if (deviceBytes.length === 1) {
    truncateSync(file, endByte);
  } else {
    truncateSync(file, endByte + MIB);
    const lines = devices.map((device) => {
      return `start=${device.startByte / 512}, size=${device.lengthBytes / 512}, type=L`;
    });
    run('sfdisk', ['--quiet', file], { input: ['label: gpt', ...lines].join('\n') });
  }
  return { file, devices };
}

/** Attaches every device of the image to a loop device while `body` runs; the kernel forgets them after. */
export function withDevices<T>(
  image: BtrfsImage,
  options: { readonly readOnly?: boolean },
  body: (devices: readonly string[]) => T,
): T {
  const attach = (attached: readonly string[]): T => {
    const next = image.devices[attached.length];
    if (next !== undefined) {
      return withLoop(image.file, { ...next, ...options }, (device) =>
        attach([...attached, device]),
      );
    }
    try {
      return body(attached);
    } finally {
      // Fails for a device that was never registered, which is as good.
      tryBtrfs(['device', 'scan', '--forget', ...attached]);
    }
  };
  return attach([]);
}

/**
 * As `withDevices` for an image that is still empty, but each device is a file of its own while `body`
 * runs: btrfs-progs take two loop devices on one file for the same device when they add or replace one.
 */
export function withDevicesApart(
  image: BtrfsImage,
  body: (devices: readonly string[]) => void,
): void {
  const files = image.devices.map(({ lengthBytes }, index) => {
    return makeEmptyImage(`${image.file}.device-${index}`, [lengthBytes]).file;
  });
  const attach = (attached: readonly string[]): void => {
    const next = files[attached.length];
    if (next !== undefined) withLoop(next, {}, (device) => attach([...attached, device]));
    else {
      body(attached);
      tryBtrfs(['device', 'scan', '--forget', ...attached]);
    }
  };
  attach([]);
  for (const [index, file] of files.entries()) {
    const seek = `seek=${image.devices[index]!.startByte / MIB}`;
    run('dd', [`if=${file}`, `of=${image.file}`, 'bs=1M', 'conv=notrunc,sparse', seek]);
    rmSync(file);
  }
}

/** Mounts the filesystem on `devices`, naming each, so that no scan by others is needed. */
export function withBtrfs<T>(
  devices: readonly string[],
  options: {
    readonly readOnly?: boolean;
    readonly options?: string;
    readonly mountedDevice?: number;
  },
  body: (folder: string) => T,
): T {
  const names = devices.map((device) => `device=${device}`);
  const all = [...names, ...(options.options === undefined ? [] : [options.options])].join(',');
  return withMountedDevice(
    devices[options.mountedDevice ?? 0]!,
    { ...options, type: 'btrfs', options: all },
    body,
  );
}

/** Bytes that do not compress, different for each seed and the same on every run. */
export function noise(seed: number, lengthBytes: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(lengthBytes / 4));
  let state = (seed * 2654435761 + 1) >>> 0;
  for (let index = 0; index < words.length; index++) {
    // xorshift32
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return new Uint8Array(words.buffer, 0, lengthBytes);
}

/**
 * Files of all sizes, from inline to some extents, then some of them deleted, so that used and free lie
 * between each other.
 */
export function fillWithFiles(folder: string, seed = 1, count = 120): void {
  const place = path.join(folder, `files-${seed}`);
  mkdirSync(place);
  for (let index = 0; index < count; index++) {
    const lengthBytes = index % 12 === 0 ? 150_000 + index * 4099 : 700 * index;
    writeFileSync(path.join(place, `f${index}`), noise(seed * 1000 + index, lengthBytes));
  }
  run('sync', ['-f', folder]);
  for (let index = 0; index < count; index += 3) rmSync(path.join(place, `f${index}`));
  run('sync', ['-f', folder]);
}

/** Writes bytes into a file at a position, made if it is not there, and flushes them with fsync. */
export function writeAndSync(file: string, bytes: Uint8Array, startByte = 0): void {
  const descriptor = openSync(file, 'a+');
  closeSync(descriptor);
  const writer = openSync(file, 'r+');
  try {
    writeSync(writer, bytes, 0, bytes.length, startByte);
    fsyncSync(writer);
  } finally {
    closeSync(writer);
  }
}

export function fsyncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}

export interface Verdict {
  readonly report: ScanReport;
  readonly mappedBytes: number;
}

export interface JudgeOptions {
  /** A log waits to be replayed. */
  readonly hasLog?: boolean;
  /** Rows of parity are mapped whole, so the bound of used bytes does not hold. */
  readonly isParity?: boolean;
  /** What the mounts need, for example `degraded`. */
  readonly mountOptions?: string;
  /** The device to name first, by index: a sprout cannot be mounted by its seed. */
  readonly mountedDevice?: number;
  /** The original has errors that scrub finds; the copy must have the same. */
  readonly hasErrors?: boolean;
  /** A seed cannot be mounted writable. */
  readonly isReadOnly?: boolean;
}

/**
 * Scans the image, overwrites what is left out in a copy, and lets the kernel and btrfs-progs look at the
 * copy: read-only first, since btrfs heals itself when it may write.
 */
export async function judgeImage(image: BtrfsImage, options: JudgeOptions = {}): Promise<Verdict> {
  const report = await scanFileForTest(image.file);
  const poisoned = { ...image, file: `${image.file}.poisoned` };
  makePoisonedCopy(image.file, report.mapped, poisoned.file);
  const before = examine(image, options);
  const after = examine(poisoned, options);
  // Linux finds fault with the superblock of a seed, which keeps the generation it had.
  if (options.mountedDevice === undefined && options.hasErrors !== true) {
    expect(before.scrub).toContain('no errors found');
  }
  expect(after.files).toEqual(before.files);
  expect(after.scrub).toEqual(before.scrub);
  expect([before.faults, after.faults]).toEqual(['', '']);
  const mappedBytes = report.volumes
    .filter(({ volume }) => image.devices.some(({ startByte }) => startByte === volume.startByte))
    .reduce((sum, volume) => sum + volume.mappedBytes, 0);
  if (options.isReadOnly === true) {
    expectTight(mappedBytes, before.usedBytes, image);
    return { report, mappedBytes };
  }
  // Last, since these writes change both. The original goes first: what it had is what must remain.
  const expected = mountWritable(image, options);
  const found = mountWritable(poisoned, options);
  expect(found.files).toEqual(expected.files);
  expect(found.scrub).toEqual(expected.scrub);
  // What is used before and after the log is replayed, the log, and a little that was deleted between.
  const logBytes = options.hasLog === true ? kindBytes(report, 'log-tree') + 2 * MIB : 0;
  const usedBytes = Math.max(before.usedBytes, options.hasLog === true ? expected.usedBytes : 0);
  expectTight(mappedBytes, usedBytes + logBytes, image);
  rmSync(poisoned.file);
  return { report, mappedBytes };
}

/** At most 2 percent and 2 MiB above what is used, and 1 MiB for each further device. */
function expectTight(mappedBytes: number, usedBytes: number, { devices }: BtrfsImage): void {
  const mostBytes = usedBytes * 1.02 + 2 * MIB + (devices.length - 1) * MIB;
  expect(mappedBytes).toBeLessThanOrEqual(mostBytes);
}

function kindBytes(report: ScanReport, kind: ExtentKind): number {
  const results = report.volumes.flatMap(({ claims }) => claims);
  return results[0]?.used.get(kind)?.lengthBytes ?? 0;
}

interface Examination {
  readonly files: readonly string[];
  readonly usedBytes: number;
  readonly scrub: string;
  readonly faults: string;
}

function examine(image: BtrfsImage, options: JudgeOptions): Examination {
  return withDevices(image, { readOnly: true }, (devices) => {
    const mounted = withBtrfs(devices, { ...mountOptions(options), readOnly: true }, (folder) => ({
      scrub: scrub(folder),
      files: hashTree(folder),
      usedBytes: usedBytesOf(folder, devices[0]!, options),
    }));
    return { ...mounted, faults: findFaults(devices, options) };
  });
}

/** What btrfs-progs say is used, all copies counted; they do not know how full rows with parity are. */
function usedBytesOf(folder: string, device: string, { isParity }: JudgeOptions): number {
  if (isParity === true) return countDumpedBytes(device);
  return Number(/Used:\s+(\d+)/.exec(runBtrfs(['filesystem', 'usage', '-b', folder]))?.[1]);
}

function mountOptions({ mountOptions: given, mountedDevice = 0, hasLog }: JudgeOptions): {
  readonly options?: string;
  readonly mountedDevice: number;
} {
  const parts = [given, hasLog === true ? 'rescue=nologreplay' : undefined];
  const text = parts.filter((part) => part !== undefined).join(',');
  return { mountedDevice, ...(text === '' ? {} : { options: text }) };
}

/** What `btrfs check` says, if it is not content. */
function findFaults(devices: readonly string[], { mountedDevice = 0 }: JudgeOptions): string {
  const { status, stdout, stderr } = tryBtrfs(['check', '--readonly', devices[mountedDevice]!]);
  return status === 0 ? '' : `exit ${status}\n${stdout}\n${stderr}`;
}

/** Lets the kernel read every copy of everything. Returns its summary. */
function scrub(folder: string): string {
  const { stdout } = tryBtrfs(['scrub', 'start', '-B', '-r', folder]);
  return stdout.slice(stdout.indexOf('Error summary:'));
}

function mountWritable(image: BtrfsImage, options: JudgeOptions): Omit<Examination, 'faults'> {
  return withDevices(image, {}, (devices) => {
    const mount = mountOptions({ ...options, hasLog: false });
    const mounted = withBtrfs(devices, mount, (folder) => {
      const files = hashTree(folder);
      run('sync', ['-f', folder]);
      const usedBytes = usedBytesOf(folder, devices[0]!, options);
      writeFileSync(path.join(folder, 'written-later'), noise(77, 3_000_000));
      run('sync', ['-f', folder]);
      return { files, usedBytes, scrub: scrub(folder) };
    });
    expect(findFaults(devices, options)).toBe('');
    return mounted;
  });
}

/** How often a power cut is tried: anybody who writes a partition table calls sync(2). */
const MOST_CUTS = 6;

/**
 * What `make` gives, made again until it is a power cut: on every device a log that was not committed,
 * and no commit while the file was copied. Every sync(2) on the machine commits.
 */
export function makePowerCut(make: () => BtrfsImage): BtrfsImage {
  for (let tries = 1; ; tries++) {
    const image = make();
    if (isPowerCut(image)) return image;
    if (tries === MOST_CUTS) throw new Error('the machine is synced all the time');
  }
}

function isPowerCut({ file, devices }: BtrfsImage): boolean {
  const reader = new FileReader(file);
  try {
    return devices.every(({ startByte }) => {
      const [first, copy] = SUPERBLOCK_STARTS.slice(0, 2).map((at) => {
        return parseSuperblock(reader.readAt(startByte + at, SUPERBLOCK_BYTES), at);
      });
      return first!.logRootTree !== undefined && first!.generation === copy!.generation;
    });
  } finally {
    reader.close();
  }
}

/** Cuts or grows the file below an image of one device. */
export function resizeImageFile(image: BtrfsImage, lengthBytes: number): BtrfsImage {
  const descriptor = openSync(image.file, 'r+');
  ftruncateSync(descriptor, lengthBytes);
  closeSync(descriptor);
  return { file: image.file, devices: [{ startByte: 0, lengthBytes }] };
}
