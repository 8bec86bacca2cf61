import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { withLoop, withMountedDevice } from '../../test/support/loop-device.ts';
import { describeWith, requireRoot, requireTools } from '../../test/support/requirements.ts';
import { run } from '../../test/support/run.ts';
import { makeScratchFolder } from '../../test/support/scratch.ts';
import { formatDeviceNumber, type HostRoots } from './host-files.ts';
import { findImageUsers, findTargetUsers, readDeviceSize } from './image-users.ts';

const ROOT = [...requireRoot(), ...requireTools('losetup', 'mount', 'mke2fs')];

/** A made-up /proc and /sys around a real device node, whose number is then known. */
function makeHost(node: { number: string; name: string }): HostRoots & { folder: string } {
  const root = makeScratchFolder();
  const roots = { proc: path.join(root, 'proc'), sys: path.join(root, 'sys') };
  const folder = path.join(roots.sys, 'block', node.name);
  for (const made of [path.join(roots.proc, 'self'), path.join(roots.sys, 'dev/block'), folder]) {
    mkdirSync(made, { recursive: true });
  }
  symlinkSync(folder, path.join(roots.sys, 'dev/block', node.number));
  writeFileSync(path.join(folder, 'size'), '2048\n');
  writeFileSync(path.join(folder, 'uevent'), `MAJOR=0\nDEVNAME=${node.name}\n`);
  writeFileSync(path.join(roots.proc, 'self/mountinfo'), '');
  return { ...roots, folder };
}

function addPartition(folder: string, name: string, number: string): string {
  const inner = path.join(folder, name);
  mkdirSync(path.join(inner, 'holders'), { recursive: true });
  const files = { partition: '1', start: '8', size: '16', dev: number };
  for (const [file, text] of Object.entries(files))
    writeFileSync(path.join(inner, file), `${text}\n`);
  return inner;
}

/** A block device, attached or not. Which of them there are depends on who used loop devices before. */
const NAME = readdirSync('/dev').find((entry) => /^loop\d+$/.test(entry)) ?? 'loop0';
const NODE = `/dev/${NAME}`;
const NUMBER = `7:${NAME.slice('loop'.length)}`;

describe('device numbers', () => {
  // As glibc's makedev joins them.
  it.each([
    [2049, '8:1'],
    [18940724, '259:4660'],
    [305201989, '259:74565'],
    [17592186188805, '4660:5'],
  ])('%d is %s', (rdev, text) => {
    expect(formatDeviceNumber(rdev)).toBe(text);
  });
});

describeWith(requireTools('losetup'), 'users of a block device', () => {
  const number = NUMBER;
  const name = NAME;

  it('finds none on an idle device', () => {
    const host = makeHost({ number, name });
    expect(findImageUsers(NODE, host)).toEqual([]);
    expect(readDeviceSize(NODE, host)).toBe(1024 * 1024);
  });

  it('finds a mount of the device and of its partition, with their places', () => {
    const host = makeHost({ number, name });
    addPartition(host.folder, `${NAME}p1`, '259:3');
    const lines = [
      `22 27 ${NUMBER} / /mnt/a\\040b rw - ext4 ${NODE} rw`,
      `23 27 259:3 / /mnt/p rw - ext4 ${NODE}p1 rw`,
      '24 27 8:1 / /other rw - ext4 /nonexistent rw',
    ];
    writeFileSync(path.join(host.proc, 'self/mountinfo'), `${lines.join('\n')}\n`);
    expect(findImageUsers(NODE, host)).toEqual([
      {
        description: `${NODE} is mounted on /mnt/a b`,
        range: { startByte: 0, endByte: 1048576 },
      },
      {
        description: `${NODE}p1 is mounted on /mnt/p`,
        range: { startByte: 4096, endByte: 12288 },
      },
    ]);
  });

  it('finds a mount that names the device only as its source', () => {
    const host = makeHost({ number, name });
    const line = `22 27 0:45 / /mnt rw - btrfs ${NODE} rw\n`;
    writeFileSync(path.join(host.proc, 'self/mountinfo'), line);
    expect(findImageUsers(NODE, host)).toHaveLength(1);
  });

  it('finds swap, holders and membership in a mounted btrfs', () => {
    const host = makeHost({ number, name });
    const partition = addPartition(host.folder, `${NAME}p1`, '259:3');
    writeFileSync(path.join(host.proc, 'swaps'), `Filename Type\n${NODE} partition 1 0 -2\n`);
    mkdirSync(path.join(partition, 'holders/dm-0'));
    mkdirSync(path.join(host.sys, `fs/btrfs/11-22/devices/${NAME}p1`), { recursive: true });
    expect(findImageUsers(NODE, host).map(({ description }) => description)).toEqual([
      `${NODE} is in use as swap`,
      `${NODE}p1 is part of a mounted btrfs`,
      `${NODE}p1 is held by dm-0`,
    ]);
  });

  it('refuses a device that the system does not know', () => {
    const host = makeHost({ number: '9:9', name });
    expect(() => readDeviceSize(NODE, host)).toThrow(
      expect.objectContaining({ kind: 'unknown-device' }),
    );
  });
});

describeWith(ROOT, 'users on the running system', () => {
  function makeImage(): string {
    const file = path.join(makeScratchFolder(), 'image');
    run('mke2fs', ['-q', '-t', 'ext4', file, '8M']);
    return file;
  }

  it('finds a writable loop device behind a file, also by another name of the file', () => {
    const file = makeImage();
    const link = `${file}-link`;
    symlinkSync(file, link);
    expect(findImageUsers(link)).toEqual([]);
    withLoop(file, { startByte: 4096, lengthBytes: 8192 }, (device) => {
      expect(findImageUsers(link)).toEqual([
        {
          description: `attached to the writable loop device ${device}`,
          range: { startByte: 4096, endByte: 12288 },
        },
      ]);
    });
  });

  it('lets a read-only loop device pass', () => {
    const file = makeImage();
    withLoop(file, { readOnly: true }, () => expect(findImageUsers(file)).toEqual([]));
  });

  it('finds the mount of a device, and its size', () => {
    const file = makeImage();
    withLoop(file, {}, (device) => {
      expect(readDeviceSize(device)).toBe(8 * 1024 * 1024);
      expect(findImageUsers(device)).toEqual([]);
      withMountedDevice(device, { type: 'ext4' }, (folder) => {
        const [user] = findImageUsers(device);
        expect(user?.description).toBe(`${device} is mounted on ${folder}`);
      });
    });
  });
});

describe('users of an image file', () => {
  it('finds the mount of the file itself, and not that of another', () => {
    const host = makeHost({ number: NUMBER, name: NAME });
    const folder = makeScratchFolder();
    const [mounted, other] = [path.join(folder, 'a b.img'), path.join(folder, 'other.img')];
    for (const file of [mounted, other]) writeFileSync(file, 'x');
    const source = mounted.replace(' ', String.raw`\040`);
    const line = `36 25 0:50 / /mnt/view rw - fuse.fuse2fs ${source} rw\n`;
    writeFileSync(path.join(host.proc, 'self/mountinfo'), line);
    expect(findTargetUsers(mounted, host).map(({ description }) => description)).toEqual([
      'mounted on /mnt/view',
    ]);
    expect(findTargetUsers(other, host)).toEqual([]);
  });
});
