import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { onTestFinished } from 'vitest';

import { run } from './run.ts';

export interface LoopOptions {
  readonly readOnly?: boolean;
  readonly startByte?: number;
  readonly lengthBytes?: number;
  readonly sectorBytes?: number;
}

/** Attaches the file to a loop device while `body` runs. */
export function withLoop<T>(file: string, options: LoopOptions, body: (device: string) => T): T {
  const device = attach(file, options);
  try {
    return body(device);
  } finally {
    run('losetup', ['--detach', device]);
  }
}

/** Attaches the file to a loop device until the running test ends. */
export function attachLoop(file: string, options: LoopOptions = {}): string {
  const device = attach(file, options);
  onTestFinished(() => void run('losetup', ['--detach', device]));
  return device;
}

function attach(file: string, options: LoopOptions): string {
  const args = ['--find', '--show'];
  if (options.readOnly === true) args.push('--read-only');
  if (options.startByte !== undefined) args.push('--offset', `${options.startByte}`);
  if (options.lengthBytes !== undefined) args.push('--sizelimit', `${options.lengthBytes}`);
  if (options.sectorBytes !== undefined) args.push('--sector-size', `${options.sectorBytes}`);
  return run('losetup', [...args, file]).trim();
}

export interface MountOptions extends LoopOptions {
  readonly type: string;
  /** As after `mount -o`. */
  readonly options?: string;
}

/** Mounts a filesystem in a file, or in a part of it, while `body` runs. */
export function withMount<T>(file: string, options: MountOptions, body: (folder: string) => T): T {
  return withLoop(file, options, (device) => withMountedDevice(device, options, body));
}

/** Mounts a device while `body` runs. */
export function withMountedDevice<T>(
  device: string,
  { type, options, readOnly }: MountOptions,
  body: (folder: string) => T,
): T {
  const folder = mkdtempSync(path.join(tmpdir(), 'bmap-mount-'));
  const flags = [readOnly === true ? 'ro' : 'rw', ...(options === undefined ? [] : [options])];
  try {
    run('mount', ['-t', type, '-o', flags.join(','), device, folder]);
    try {
      return body(folder);
    } finally {
      run('umount', [folder]);
    }
  } finally {
    rmdirSync(folder);
  }
}
