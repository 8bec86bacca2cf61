/** Source: Linux `Documentation/ABI/testing/sysfs-block-loop` and `drivers/block/loop.c`. */
import type { Stats } from 'node:fs';
import path from 'node:path';

import { findStats, listHostFolder, readHostFile, type HostRoots } from './host-files.ts';

export interface LoopDevice {
  /** The kernel's name, for example `loop0`. */
  readonly name: string;
  /** What it is attached to, as the kernel names it. */
  readonly backingPath: string;
  readonly isReadOnly: boolean;
  /** Where the device starts in the backing file, and its length; 0 means to the end. */
  readonly startByte: number;
  readonly limitBytes: number;
}

/** The loop devices that are attached to the file or block device with these facts. */
export function findLoopDevices(backing: Stats, roots: HostRoots): readonly LoopDevice[] {
  const blocks = path.join(roots.sys, 'block');
  return listHostFolder(blocks)
    .filter((name) => name.startsWith('loop'))
    .flatMap((name) => {
      const folder = path.join(blocks, name);
      const backingPath = readHostFile(path.join(folder, 'loop/backing_file'));
      if (backingPath === undefined || !isSameFile(findStats(backingPath), backing)) return [];
      const isReadOnly = readHostFile(path.join(folder, 'ro')) === '1';
      const startByte = Number(readHostFile(path.join(folder, 'loop/offset')) ?? 0);
      const limitBytes = Number(readHostFile(path.join(folder, 'loop/sizelimit')) ?? 0);
      return [{ name, backingPath, isReadOnly, startByte, limitBytes }];
    });
}

function isSameFile(left: Stats | undefined, right: Stats): boolean {
  if (left === undefined) return false;
  if (left.isBlockDevice() && right.isBlockDevice()) return left.rdev === right.rdev;
  return left.dev === right.dev && left.ino === right.ino;
}
