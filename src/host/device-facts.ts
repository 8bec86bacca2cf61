/**
 * What the system says about a block device: for the guard, for the person who has to recognise it, and
 * for how to write to it. Source: Linux `Documentation/ABI/stable/sysfs-block`.
 */
import { realpathSync, statSync } from 'node:fs';
import path from 'node:path';

import { RefusedError } from '../errors/errors.ts';
import {
  formatDeviceNumber,
  listHostFolder,
  LINUX_ROOTS,
  readHostFile,
  type HostRoots,
} from './host-files.ts';

const SYSFS_SECTOR_BYTES = 512;
/** How far above a device its serial number may stand: USB keeps it six folders up. */
const MAX_FOLDERS_UP = 10;

/** What the system says about a block device. */
export interface DeviceFacts {
  /** `major:minor` */
  readonly number: string;
  /** The kernel's name, for example `sda1`. */
  readonly name: string;
  /** Of the partition, if it is one. */
  readonly sizeBytes: number;
  /** True for a partition, false for a whole disk. */
  readonly isPartition: boolean;
  /** A write lock is set, or the system has made it read-only. */
  readonly isReadOnly: boolean;
  /** As the device says of itself; never true for a partition. */
  readonly isRemovable: boolean;
  /** Vendor and model; for a loop device the file behind it. Not escaped. */
  readonly model: string | undefined;
  /** The serial number of the disk, or of what it is plugged into. Not escaped. */
  readonly serial: string | undefined;
  /** The sysfs folder of the whole disk, which a partition shares with it. */
  readonly diskFolder: string;
  /** The smallest unit that can be written. */
  readonly sectorBytes: number;
  /** The largest single discard; 0 if the device has none. */
  readonly discardMaxBytes: number;
  /** The largest single request to write zeros without sending them; 0 if the device has none. */
  readonly writeZeroesMaxBytes: number;
}

/** @throws {RefusedError} kind `unknown-device` where the system has no word on the device. */
export function readDeviceFacts(node: string, roots: HostRoots = LINUX_ROOTS): DeviceFacts {
  const number = formatDeviceNumber(statSync(node).rdev);
  const link = path.join(roots.sys, 'dev/block', number);
  const sectors = readHostFile(path.join(link, 'size'));
  if (sectors === undefined) {
    const problem = `${node}: the system has no record of this block device; is /sys mounted?`;
    throw new RefusedError('unknown-device', problem);
  }
  const folder = realpathSync(link);
  const isPartition = readHostFile(path.join(folder, 'partition')) !== undefined;
  const diskFolder = isPartition ? path.dirname(folder) : folder;
  const readNumber = (file: string) => Number(readHostFile(path.join(diskFolder, file)) ?? 0);
  return {
    number,
    name: path.basename(folder),
    sizeBytes: Number(sectors) * SYSFS_SECTOR_BYTES,
    isPartition,
    isReadOnly: readHostFile(path.join(folder, 'ro')) === '1',
    isRemovable: readHostFile(path.join(folder, 'removable')) === '1',
    model: findModel(diskFolder),
    serial: findSerial(diskFolder),
    diskFolder,
    sectorBytes: readNumber('queue/logical_block_size') || SYSFS_SECTOR_BYTES,
    discardMaxBytes: readNumber('queue/discard_max_bytes'),
    writeZeroesMaxBytes: readNumber('queue/write_zeroes_max_bytes'),
  };
}

/** Disks have vendor and model, MMC cards a name, loop devices the file behind them. */
function findModel(diskFolder: string): string | undefined {
  const read = (file: string) => readHostFile(path.join(diskFolder, file)) || undefined;
  const vendor = read('device/vendor');
  const model = read('device/model') ?? read('device/name');
  // virtio says its vendor as a number, which tells nobody anything.
  if (model !== undefined) {
    return vendor === undefined || vendor.startsWith('0x') ? model : `${vendor} ${model}`;
  }
  const backingFile = read('loop/backing_file');
  return backingFile === undefined ? undefined : `loop device of ${backingFile}`;
}

/** The nearest serial number at the disk, or at what it is plugged into. */
function findSerial(diskFolder: string): string | undefined {
  const own = readHostFile(path.join(diskFolder, 'serial'));
  if (own !== undefined && own !== '') return own;
  if (!listHostFolder(diskFolder).includes('device')) return undefined;
  let folder = realpathSync(path.join(diskFolder, 'device'));
  for (let up = 0; up < MAX_FOLDERS_UP && folder !== path.dirname(folder); up++) {
    const serial = readHostFile(path.join(folder, 'serial'));
    if (serial !== undefined && serial !== '') return serial;
    // Above the device that is plugged in stand bus controllers, whose numbers are not the disk's.
    if (readHostFile(path.join(folder, 'idVendor')) !== undefined) return undefined;
    folder = path.dirname(folder);
  }
  return undefined;
}
