/**
 * Who else on this machine may be writing to an image: mounts of a device or its partitions, swap,
 * layers stacked on it, writable loop devices. Read from the text files that Linux keeps under /proc
 * and /sys; on other systems nobody is found.
 */
import { statSync, type Stats } from 'node:fs';
import path from 'node:path';

import type { ByteRange } from '../ranges/byte-range.ts';
import { readBlockDevices } from './block-devices.ts';
import {
  findStats,
  formatDeviceNumber,
  LINUX_ROOTS,
  listHostFolder,
  readHostFile,
  type HostRoots,
} from './host-files.ts';
import { findLoopDevices, type LoopDevice } from './loop-devices.ts';
import { isSwapFile, readMounts, readSwapDevices } from './mounts.ts';

export interface ImageUser {
  /** For the message: `mounted on /home`, `attached to /dev/loop3`. */
  readonly description: string;
  /** The part of the image that is in use. */
  readonly range: ByteRange;
}

/** @returns everyone who may write to the file or block device at `image`. */
export function findImageUsers(
  image: string,
  roots: HostRoots = LINUX_ROOTS,
): readonly ImageUser[] {
  const stats = statSync(image);
  const users = findLoopUsers(stats, roots, ({ isReadOnly }) => !isReadOnly);
  return stats.isBlockDevice() ? [...users, ...findDeviceUsers(image, roots)] : users;
}

/** @returns everyone who would be harmed by writing to the file or block device at `target`. */
export function findTargetUsers(
  target: string,
  roots: HostRoots = LINUX_ROOTS,
): readonly ImageUser[] {
  const stats = statSync(target);
  const users = findLoopUsers(stats, roots);
  if (!stats.isBlockDevice()) {
    const range = { startByte: 0, endByte: Infinity };
    const mounts = readMounts(roots).filter(
      ({ imageFile }) => imageFile?.dev === stats.dev && imageFile.ino === stats.ino,
    );
    const uses = [
      ...mounts.map(({ folder }) => `mounted on ${folder}`),
      ...(isSwapFile(stats, roots) ? ['in use as swap'] : []),
    ];
    return [...users, ...uses.map((description) => ({ description, range }))];
  }
  const partitionUsers = readBlockDevices(target, roots)
    .slice(1)
    .flatMap(({ name, number }) => {
      const partition = findStats(`/dev/${name.replaceAll('!', '/')}`);
      if (partition === undefined || formatDeviceNumber(partition.rdev) !== number) return [];
      return findLoopUsers(partition, roots);
    });
  return [
    ...users,
    ...partitionUsers,
    ...findTwins(stats, roots),
    ...findDeviceUsers(target, roots),
  ];
}

/** Other loop devices that are attached to what a loop device is attached to. */
function findTwins(device: Stats, roots: HostRoots): readonly ImageUser[] {
  const number = formatDeviceNumber(device.rdev);
  const folder = path.join(roots.sys, 'dev/block', number);
  const backing = findStats(readHostFile(path.join(folder, 'loop/backing_file')) ?? '');
  if (backing === undefined) return [];
  return findLoopUsers(
    backing,
    roots,
    ({ name }) => readHostFile(path.join(roots.sys, 'block', name, 'dev')) !== number,
  ).map((user) => ({ ...user, description: `the file behind it is ${user.description}` }));
}

function findLoopUsers(
  backing: Stats,
  roots: HostRoots,
  isUser: (loop: LoopDevice) => boolean = () => true,
): readonly ImageUser[] {
  return findLoopDevices(backing, roots)
    .filter(isUser)
    .map(({ name, startByte, limitBytes, isReadOnly }) => ({
      description: `attached to the ${isReadOnly ? 'read-only' : 'writable'} loop device /dev/${name}`,
      range: { startByte, endByte: limitBytes === 0 ? Infinity : startByte + limitBytes },
    }));
}

/** The size of a block device in bytes. @throws {RefusedError} where the system does not tell. */
export function readDeviceSize(device: string, roots: HostRoots = LINUX_ROOTS): number {
  return readBlockDevices(device, roots)[0]!.endByte;
}

function findDeviceUsers(image: string, roots: HostRoots): readonly ImageUser[] {
  const mounts = readMounts(roots);
  const swaps = readSwapDevices(roots);
  const btrfsMembers = listBtrfsMembers(roots);
  return readBlockDevices(image, roots).flatMap((device) => {
    const { number, name, startByte, endByte, holders } = device;
    const uses = [
      ...mounts
        .filter(({ devices }) => devices.includes(number))
        .map(({ folder }) => `mounted on ${folder}`),
      ...(btrfsMembers.has(name) ? ['part of a mounted btrfs'] : []),
      ...(swaps.has(number) ? ['in use as swap'] : []),
      ...holders.map((holder) => `held by ${holder}`),
    ];
    return uses.map((use) => ({
      description: `/dev/${name} is ${use}`,
      range: { startByte, endByte },
    }));
  });
}

/** A mount names one device of a btrfs only; the others stand here as long as it is mounted. */
function listBtrfsMembers(roots: HostRoots): ReadonlySet<string> {
  const folder = path.join(roots.sys, 'fs/btrfs');
  const members = listHostFolder(folder).flatMap((uuid) =>
    listHostFolder(path.join(folder, uuid, 'devices')),
  );
  return new Set(members);
}
