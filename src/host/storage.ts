/**
 * Where the bytes of a file or device really are, through partitions, loop devices and stacked devices:
 * so that nothing is written over what is being read. Source: Linux `Documentation/ABI/stable/sysfs-block`.
 */
import { realpathSync, type Stats } from 'node:fs';
import path from 'node:path';

import {
  findStats,
  formatDeviceNumber,
  LINUX_ROOTS,
  listHostFolder,
  readHostFile,
  type HostRoots,
} from './host-files.ts';
import { readMounts } from './mounts.ts';

/** Each set holds names: `major:minor` of a block device, `dev/inode` of a file. */
export interface Storage {
  /** The thing itself, and what a loop device is attached to: the same bytes by other names. */
  readonly own: ReadonlySet<string>;
  /** Devices of which it is a part: the disk of a partition, the members of a stacked device. */
  readonly parents: ReadonlySet<string>;
  /** Every device on which its bytes lie, at any depth: also those that hold its filesystem. */
  readonly below: ReadonlySet<string>;
}

/** Loop devices on files on loop devices end somewhere; this bounds a false answer of the system. */
const MAX_DEPTH = 16;

/** @returns where the bytes of the file or block device with these facts lie. */
export function traceStorage(stats: Stats, roots: HostRoots = LINUX_ROOTS): Storage {
  const found = { own: new Set<string>(), parents: new Set<string>(), below: new Set<string>() };
  trace(stats, roots, found, 'own', 0);
  return found;
}

/** True if writing to `target` would change what is read from `source`. */
export function wouldOverwrite(target: Storage, source: Storage): boolean {
  const reads = new Set([...source.own, ...source.parents, ...source.below]);
  return (
    [...target.own].some((name) => reads.has(name)) ||
    [...target.parents].some((name) => source.own.has(name))
  );
}

type Found = Record<keyof Storage, Set<string>>;

function trace(
  stats: Stats,
  roots: HostRoots,
  found: Found,
  into: 'own' | 'below',
  depth: number,
): void {
  if (stats.isBlockDevice()) {
    traceDevice(formatDeviceNumber(stats.rdev), roots, found, into, depth);
  } else if (stats.isFile()) {
    found[into].add(`${stats.dev}/${stats.ino}`);
    for (const number of listFilesystemDevices(stats, roots)) {
      traceDevice(number, roots, found, 'below', depth + 1);
    }
  }
}

function traceDevice(
  number: string,
  roots: HostRoots,
  found: Found,
  into: 'own' | 'below',
  depth: number,
): void {
  if (depth > MAX_DEPTH || found[into].has(number)) return;
  found[into].add(number);
  const folder = path.join(roots.sys, 'dev/block', number);
  const backing = findStats(readHostFile(path.join(folder, 'loop/backing_file')) ?? '');
  if (backing !== undefined) trace(backing, roots, found, into, depth + 1);
  for (const parent of listParents(folder)) {
    if (into === 'own') found.parents.add(parent);
    traceDevice(parent, roots, found, 'below', depth + 1);
  }
}

function listParents(folder: string): readonly string[] {
  const slaves = listHostFolder(path.join(folder, 'slaves')).map((name) =>
    readHostFile(path.join(folder, 'slaves', name, 'dev')),
  );
  const isPartition = readHostFile(path.join(folder, 'partition')) !== undefined;
  const disk = isPartition ? readHostFile(path.join(realpathSync(folder), '../dev')) : undefined;
  return [...slaves, disk].filter((number) => number !== undefined);
}

/** A file knows the number of its filesystem; some, such as btrfs, make one up that mounts explain. */
function listFilesystemDevices(file: Stats, roots: HostRoots): readonly string[] {
  const number = formatDeviceNumber(file.dev);
  const mounted = readMounts(roots).filter(({ devices }) => devices.includes(number));
  return [number, ...mounted.flatMap(({ devices }) => devices)].filter(
    (device) => readHostFile(path.join(roots.sys, 'dev/block', device, 'dev')) !== undefined,
  );
}
