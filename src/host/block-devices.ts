/** Source: Linux `Documentation/ABI/testing/sysfs-block`; sizes there always count 512 bytes. */
import { statSync } from 'node:fs';
import path from 'node:path';

import { RefusedError } from '../errors/errors.ts';
import { formatDeviceNumber, listHostFolder, readHostFile, type HostRoots } from './host-files.ts';

const SYSFS_SECTOR_BYTES = 512;

/** A block device, or one of its partitions, with its place inside the device that was asked for. */
export interface BlockDevice {
  /** `major:minor` */
  readonly number: string;
  /** The kernel's name, for example `sda1`. */
  readonly name: string;
  readonly startByte: number;
  readonly endByte: number;
  /** Names of devices stacked on this one: device-mapper, RAID, bcache. */
  readonly holders: readonly string[];
}

/**
 * The device behind a node and all its partitions, itself first.
 * @throws {RefusedError} kind `unknown-device` where the system has no word on it.
 */
export function readBlockDevices(node: string, roots: HostRoots): readonly BlockDevice[] {
  const number = formatDeviceNumber(statSync(node).rdev);
  const folder = path.join(roots.sys, 'dev/block', number);
  const uevent = readHostFile(path.join(folder, 'uevent'));
  const whole = readDevice(folder, number, uevent?.match(/^DEVNAME=(.*)$/m)?.[1] ?? '', 0);
  if (whole === undefined) {
    throw new RefusedError(
      'unknown-device',
      `${node}: the system has no record of this block device; is /sys mounted?`,
    );
  }
  const partitions = listHostFolder(folder).flatMap((name) => {
    const inner = path.join(folder, name);
    if (readHostFile(path.join(inner, 'partition')) === undefined) return [];
    const start = Number(readHostFile(path.join(inner, 'start'))) * SYSFS_SECTOR_BYTES;
    const device = readDevice(inner, readHostFile(path.join(inner, 'dev')) ?? '', name, start);
    return device === undefined ? [] : [device];
  });
  return [whole, ...partitions];
}

function readDevice(
  folder: string,
  number: string,
  name: string,
  startByte: number,
): BlockDevice | undefined {
  const sectors = readHostFile(path.join(folder, 'size'));
  if (sectors === undefined) return undefined;
  const endByte = startByte + Number(sectors) * SYSFS_SECTOR_BYTES;
  return {
    number,
    name,
    startByte,
    endByte,
    holders: listHostFolder(path.join(folder, 'holders')),
  };
}
