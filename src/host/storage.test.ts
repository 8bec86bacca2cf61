import { mkdirSync, symlinkSync, writeFileSync, type Stats } from 'node:fs';
import path from 'node:path';

import { expect, it } from 'vitest';

import { makeScratchFolder } from '../../test/support/scratch.ts';
import type { HostRoots } from './host-files.ts';
import { traceStorage, wouldOverwrite } from './storage.ts';

/**
 * sda with two partitions; dm-0 on sda2, with a filesystem; sdb with a partition; a btrfs on sdb1 under a
 * made-up number.
 */
function makeHost(): HostRoots {
  const root = makeScratchFolder();
  const sys = path.join(root, 'sys');
  const add = (folder: string, number: string, files: Record<string, string> = {}) => {
    const full = path.join(sys, 'devices', folder);
    mkdirSync(full, { recursive: true });
    for (const [name, text] of Object.entries({ dev: number, ...files })) {
      writeFileSync(path.join(full, name), `${text}\n`);
    }
    symlinkSync(full, path.join(sys, 'dev/block', number));
    return full;
  };
  mkdirSync(path.join(sys, 'dev/block'), { recursive: true });
  add('sda', '8:0');
  add('sda/sda1', '8:1', { partition: '1' });
  const second = add('sda/sda2', '8:2', { partition: '2' });
  add('sdb', '8:16');
  add('sdb/sdb1', '8:17', { partition: '1' });
  const mapper = add('dm-0', '253:0');
  mkdirSync(path.join(mapper, 'slaves'));
  symlinkSync(second, path.join(mapper, 'slaves/sda2'));
  const proc = path.join(root, 'proc');
  mkdirSync(path.join(proc, 'self'), { recursive: true });
  const line = '30 1 0:50 / /data rw - btrfs /no/such/node rw';
  writeFileSync(path.join(proc, 'self/mountinfo'), `${line}\n`);
  return { proc, sys };
}

const number = (major: number, minor: number) => major * 256 + minor;

function device(major: number, minor: number): Stats {
  const kinds = { isBlockDevice: () => true, isFile: () => false };
  return { ...kinds, dev: 5, ino: 1, rdev: number(major, minor) } as Stats;
}

function file(major: number, minor: number, ino: number): Stats {
  const kinds = { isBlockDevice: () => false, isFile: () => true };
  return { ...kinds, dev: number(major, minor), ino, rdev: 0 } as Stats;
}

const sda = device(8, 0);
const sda1 = device(8, 1);
const sda2 = device(8, 2);
const sdb = device(8, 16);
const mapper = device(253, 0);
const onSda1 = file(8, 1, 7);
const onMapper = file(253, 0, 7);

it.each([
  ['a disk onto itself', sda, sda, true],
  ['a partition onto its disk', sda, sda1, true],
  ['a disk onto its partition', sda1, sda, true],
  ['a partition onto its neighbour', sda1, sda2, false],
  ['a file onto the partition it lies on', sda1, onSda1, true],
  ['a file onto the disk it lies on', sda, onSda1, true],
  ['a file onto another disk', sdb, onSda1, false],
  ['a file onto another partition', sda2, onSda1, false],
  ['a stacked device onto its member', sda2, mapper, true],
  ['a stacked device onto the disk of its member', sda, mapper, true],
  ['a member onto the stacked device', mapper, sda2, true],
  ['a file on a stacked device onto the disk below', sda, onMapper, true],
  ['a file on a stacked device onto a partition beside it', sda1, onMapper, false],
  ['a file onto itself', onSda1, file(8, 1, 7), true],
  ['a file onto its neighbour', file(8, 1, 8), onSda1, false],
  ['a disk into a file on it', onSda1, sda, false],
])('%s', (_title, target, source, expected) => {
  const roots = makeHost();
  expect(wouldOverwrite(traceStorage(target, roots), traceStorage(source, roots))).toBe(expected);
});
