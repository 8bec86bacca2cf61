/** An image with FAT, ext4 and btrfs side by side, and what outside programs say of it. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { withLoop, withMount, withMountedDevice } from './loop-device.ts';
import { populate } from './ext-judges.ts';
import { run, tryRun } from './run.ts';
import { hashTree } from './tree-hash.ts';

const MIB = 2 ** 20;
const FAT = { startByte: MIB, lengthBytes: 16 * MIB };
const EXT = { startByte: 17 * MIB, lengthBytes: 32 * MIB };
const BTRFS = { startByte: 49 * MIB, lengthBytes: 110 * MIB };
const SIZE_BYTES = 160 * MIB;

export interface FilesystemImage {
  readonly file: string;
  /** The checkers' words and all files of the three filesystems. */
  readonly judge: (file: string) => readonly string[];
  /** What `judge` says of `file`. */
  readonly judgement: readonly string[];
}

/** Makes `folder/filesystems.img`: files in all three, some deleted again. Needs root rights. */
export function makeFilesystems(folder: string): FilesystemImage {
  const file = path.join(folder, 'filesystems.img');
  writeFileSync(file, '');
  truncateSync(file, SIZE_BYTES);
  const lines = [FAT, EXT, BTRFS].map(
    ({ startByte, lengthBytes }) => `start=${startByte / 512}, size=${lengthBytes / 512}, type=L`,
  );
  run('sfdisk', ['--quiet', file], { input: ['label: gpt', ...lines].join('\n') });
  makeFat(file, folder);
  withLoop(file, EXT, (device) => {
    run('mke2fs', ['-q', '-t', 'ext4', device]);
    withMountedDevice(device, { type: 'ext4' }, (mount) => populate(mount, 1));
  });
  withLoop(file, BTRFS, (device) => {
    run('mkfs.btrfs', ['-q', device]);
    withMountedDevice(device, { type: 'btrfs' }, (mount) => populate(mount, 2));
    tryRun('btrfs', ['device', 'scan', '--forget', device]);
  });
  return { file, judge, judgement: judge(file) };
}

function makeFat(file: string, folder: string): void {
  const { startByte, lengthBytes } = FAT;
  run('mkfs.fat', [`--offset=${startByte / 512}`, file, `${lengthBytes / 1024}`]);
  const files = path.join(folder, 'fat-files');
  mkdirSync(files);
  for (let index = 0; index < 20; index++) {
    writeFileSync(path.join(files, `f${index}`), Buffer.alloc(index * 3000, index));
  }
  run('mcopy', ['-i', `${file}@@${startByte}`, '-s', files, '::']);
  rmSync(files, { recursive: true });
  run('mdel', ['-i', `${file}@@${startByte}`, '::/fat-files/f7', '::/fat-files/f12']);
}

function judge(file: string): readonly string[] {
  // Also called where no test runs yet.
  const folder = mkdtempSync(path.join(tmpdir(), 'bmap-judge-'));
  try {
    return judgeParts(file, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function judgeParts(file: string, folder: string): readonly string[] {
  const part = path.join(folder, 'part.img');
  const cut = ({ startByte, lengthBytes }: typeof FAT): string => {
    rmSync(part, { force: true });
    const place = [`skip=${startByte / MIB}`, `count=${lengthBytes / MIB}`];
    run('dd', [`if=${file}`, `of=${part}`, 'bs=1M', ...place, 'status=none']);
    return part;
  };
  const words: string[] = [];
  const check = (program: string, ...args: readonly string[]): void => {
    const { status, stdout } = tryRun(program, args);
    words.push(`${program}: exit ${status}\n${stdout.replaceAll(part, 'FILE')}`);
  };
  check('fsck.fat', '-n', cut(FAT));
  run('mcopy', ['-i', part, '-s', '-n', '::/fat-files', folder]);
  words.push(...hashTree(path.join(folder, 'fat-files')));
  check('e2fsck', '-fn', cut(EXT));
  words.push(...withMount(part, { type: 'ext4', readOnly: true }, hashTree));
  check('btrfs', 'check', '--readonly', cut(BTRFS));
  words.push(
    ...withLoop(part, { readOnly: true }, (device) => {
      const tree = withMountedDevice(device, { type: 'btrfs', readOnly: true }, hashTree);
      tryRun('btrfs', ['device', 'scan', '--forget', device]);
      return tree;
    }),
    `backup table: ${readFileSync(file)
      .subarray(-33 * 512)
      .toString('hex')}`,
  );
  return words;
}
