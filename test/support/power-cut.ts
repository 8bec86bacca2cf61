/**
 * ext filesystems as a power cut leaves them: the file behind a mounted filesystem is copied in the
 * middle of work. The device is not flushed before, because newer kernels write everything home then.
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';

import { makeSparseFile } from './ext-images.ts';
import { populate } from './ext-judges.ts';
import { withLoop, withMountedDevice } from './loop-device.ts';
import { SeededRandom } from './random.ts';
import { run, tryRun } from './run.ts';

/** Something to do in a mounted filesystem. What it returns is done after the power cut. */
export type Work = (folder: string) => void | (() => void);

export interface PowerCut {
  readonly sizeBytes: number;
  /** As given to mke2fs, separated by spaces. */
  readonly options: string;
  readonly mountOptions?: string;
  /** Where the filesystem starts in the file. */
  readonly startByte?: number;
  readonly work: Work;
}

/** Nothing is committed unless the work asks for it. */
const NO_TIMED_COMMIT = 'commit=300';

/** Makes `image` as it lies on the disk when the power goes. @param scratch is overwritten. */
export function cutPower(cut: PowerCut, scratch: string, image: string): void {
  const startByte = cut.startByte ?? 0;
  makeSparseFile(scratch, startByte + cut.sizeBytes);
  if (startByte > 0) {
    const table = `${startByte / 512},${cut.sizeBytes / 512},83\n`;
    run('sfdisk', ['--quiet', '--label', 'dos', scratch], { input: table });
  }
  withLoop(scratch, { startByte }, (device) => {
    run('mke2fs', ['-q', '-F', ...cut.options.split(' '), device]);
    withMountedDevice(device, { type: 'ext4' }, (folder) => populate(folder));
    const options = [NO_TIMED_COMMIT, ...(cut.mountOptions?.split(',') ?? [])].join(',');
    withMountedDevice(device, { type: 'ext4', options }, (folder) => {
      const cleanUp = cut.work(folder);
      copyAtOneMoment(scratch, image);
      cleanUp?.();
    });
  });
}

/** More than any background writing takes. */
const MAX_COPIES = 50;

/**
 * Copies a file that may be written to meanwhile, for example because somebody on the machine calls
 * `sync`. If the copy equals the file afterwards, nothing was written to what had been copied, and the
 * copy is what lay on the disk at its end.
 */
export function copyAtOneMoment(file: string, copy: string): void {
  for (let attempt = 0; attempt < MAX_COPIES; attempt++) {
    run('cp', ['--sparse=always', file, copy]);
    if (tryRun('cmp', ['--silent', file, copy]).status === 0) return;
  }
  throw new Error(`${file} does not come to rest`);
}

/** Writes a file and waits until it would survive a power cut. */
export function writeDurably(file: string, content: Uint8Array): void {
  const descriptor = openSync(file, 'w');
  writeSync(descriptor, content);
  fsyncSync(descriptor);
  closeSync(descriptor);
}

export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}

/** New files, one commit each; old ones are deleted in between, so the replay also frees. */
export function newFiles(folder: string): void {
  const random = new SeededRandom(2);
  mkdirSync(path.join(folder, 'new'), { recursive: true });
  const old = readdirSync(path.join(folder, 'd2')).map((name) => path.join(folder, 'd2', name));
  for (let index = 0; index < 25; index++) {
    const victim = index % 3 === 0 ? old.pop() : undefined;
    if (victim !== undefined) rmSync(victim, { recursive: true });
    writeDurably(path.join(folder, 'new', `n${index}`), random.bytes(2000 + 4000 * index));
  }
}

/** Folders are filled and deleted, and their blocks become data: the log must revoke them. */
export function reusedFolders(folder: string): void {
  const random = new SeededRandom(3);
  for (let round = 0; round < 3; round++) {
    for (let number = 0; number < 6; number++) {
      const inner = path.join(folder, `round${number}`);
      mkdirSync(inner);
      for (let index = 0; index < 120; index++) {
        writeFileSync(path.join(inner, `${'name'.repeat(30)}${index}`), '');
      }
      syncFolder(inner);
    }
    for (let number = 0; number < 6; number++) {
      rmSync(path.join(folder, `round${number}`), { recursive: true });
    }
    syncFolder(folder);
    for (let number = 0; number < 20; number++) {
      writeDurably(path.join(folder, `data${round}-${number}`), random.bytes(40_000));
    }
  }
}

/** So many commits that a small log goes round more than once. */
export function wrappedLog(folder: string): void {
  const random = new SeededRandom(4);
  for (let index = 0; index < 400; index++) {
    writeDurably(path.join(folder, `w${index % 90}`), random.bytes(3000 + 500 * (index % 40)));
    if (index % 50 === 49) {
      renameSync(path.join(folder, `w${index % 90}`), path.join(folder, `moved${index}`));
    }
  }
}

/** Data that the log must escape, because its blocks start with the magic number of the log. */
export function escapedData(folder: string): void {
  const random = new SeededRandom(5);
  for (let index = 0; index < 20; index++) {
    const content = random.bytes(64 * 1024);
    const view = new DataView(content.buffer, content.byteOffset, content.length);
    for (let at = 0; at < content.length; at += 1024) view.setUint32(at, 0xc03b3998);
    writeDurably(path.join(folder, `escaped${index}`), content);
  }
}

/** A path so deep that every level takes a block of its own. */
export function deepFolders(folder: string): void {
  let inner = folder;
  for (let depth = 0; depth < 60; depth++) {
    inner = path.join(inner, `deep${depth}`);
    mkdirSync(inner);
    if (depth % 10 === 9) writeDurably(path.join(inner, 'file'), new Uint8Array(9000).fill(depth));
  }
  writeDurably(path.join(inner, 'bottom'), new Uint8Array(100_000).fill(7));
}

/** Files that are deleted while they are open: they wait in the orphan list. */
export function orphans(folder: string): () => void {
  const open: number[] = [];
  for (let index = 0; index < 10; index++) {
    const file = path.join(folder, `orphan${index}`);
    writeDurably(file, new Uint8Array(50_000).fill(index));
    open.push(openSync(file, 'r'));
    rmSync(file);
  }
  newFiles(folder);
  return () => open.forEach(closeSync);
}
