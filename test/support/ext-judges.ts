/** Outside judges of an ext filesystem in a file: e2fsck, the kernel, and debugfs, which replays nothing. */
import { mkdirSync, openSync, readSync, closeSync, symlinkSync, writeFileSync } from 'node:fs';
import { linkSync, rmSync, truncateSync } from 'node:fs';
import path from 'node:path';

import { withMount } from './loop-device.ts';
import { SeededRandom } from './random.ts';
import { run, tryRun } from './run.ts';
import { makeScratchFolder } from './scratch.ts';
import { hashTree } from './tree-hash.ts';

/** Fills a folder with files of telling sizes, links and folders, then makes holes between them. */
export function populate(folder: string, seed = 1, fileCount = 60): void {
  const random = new SeededRandom(seed);
  const sizes = [0, 1, 59, 60, 61, 1024, 4095, 4096, 4097, 12 * 4096 + 1, 300_000];
  for (let index = 0; index < fileCount; index++) {
    const inner = path.join(folder, `d${index % 5}`, index % 7 === 0 ? 'deep/deeper' : '');
    mkdirSync(inner, { recursive: true });
    const size = sizes[index] ?? random.below(60_000);
    writeFileSync(path.join(inner, `f${index}`), random.bytes(size));
  }
  // A link of up to 59 characters lives in the inode; a longer one takes a block.
  symlinkSync('x'.repeat(59), path.join(folder, 'short-link'));
  symlinkSync('y'.repeat(200), path.join(folder, 'long-link'));
  linkSync(path.join(folder, 'd1', 'f1'), path.join(folder, 'hard-link'));
  const sparse = path.join(folder, 'sparse');
  writeFileSync(sparse, random.bytes(5000));
  truncateSync(sparse, 3_000_000);
  for (let index = 3; index < fileCount; index += 3) {
    rmSync(path.join(folder, `d${index % 5}`, index % 7 === 0 ? 'deep/deeper' : '', `f${index}`));
  }
}

/** What e2fsck finds without changing or replaying anything, with its exit code. */
export function checkExt(file: string, startByte = 0): string {
  const { status, stdout } = tryRun('e2fsck', ['-fn', `${file}?offset=${startByte}`]);
  return `exit ${status}\n${stdout.replaceAll(file, 'FILE')}`;
}

/** All files, read by the kernel, which replays the journal in the file if there is anything in it. */
export function treeByMount(file: string, startByte = 0): readonly string[] {
  return withMount(file, { type: 'ext4', startByte }, hashTree);
}

/** All files, read by debugfs, which never replays a journal, and here does not even read bitmaps. */
export function treeByDebugfs(file: string, startByte = 0): readonly string[] {
  const folder = makeScratchFolder();
  run('debugfs', ['-c', '-R', `rdump / ${folder}`, `${file}?offset=${startByte}`]);
  return hashTree(folder);
}

/** The bytes of every superblock and descriptor block that dumpe2fs names, copies included. */
export function readAllCopies(file: string): ReadonlyMap<string, Uint8Array> {
  const text = run('dumpe2fs', [file]);
  const blockBytes = Number(/^Block size: +(\d+)$/m.exec(text)![1]);
  const copies = new Map<string, Uint8Array>();
  const descriptor = openSync(file, 'r');
  const places = /(?:Primary|Backup) superblock at (\d+)()|Group descriptors? at (\d+)(?:-(\d+))?/g;
  for (const [title, superblock, , first, last] of text.matchAll(places)) {
    const from = Number(superblock ?? first);
    const to = Number(superblock ?? last ?? first);
    const bytes = new Uint8Array((to - from + 1) * blockBytes);
    readSync(descriptor, bytes, 0, bytes.length, from * blockBytes);
    copies.set(title, bytes);
  }
  closeSync(descriptor);
  return copies;
}
