/**
 * Dirty journals without root: from a filesystem before and after some change, debugfs writes the
 * blocks that changed into the journal of the first. A replay leads to the second.
 */
import { closeSync, copyFileSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';

import type { RangeSet } from '../../src/ranges/range-set.ts';
import { makeSparseFile, probeExtFile } from './ext-images.ts';
import { populate } from './ext-judges.ts';
import { run } from './run.ts';
import { makeScratchFolder } from './scratch.ts';

/** Blocks of one transaction. More than one descriptor block of 1 KiB can name. */
const TRANSACTION_BLOCKS = 150;

/**
 * A filesystem before and after files came and went, and a place for the image between the two.
 * @param lengthBytes of the filesystem, if that is not the whole file.
 */
export function makeFilesystems(options: string, sizeBytes: number, lengthBytes = sizeBytes) {
  const folder = makeScratchFolder();
  const [before, after, image] = ['before', 'after', 'image'].map((name) =>
    path.join(folder, name),
  );
  const content = makeScratchFolder();
  populate(content, 1, 30);
  makeSparseFile(before!, sizeBytes);
  const make = [
    '-q',
    '-F',
    ...options.split(' '),
    '-d',
    content,
    before!,
    `${lengthBytes / 1024}K`,
  ];
  run('mke2fs', make);
  copyFileSync(before!, after!);
  const commands = ['rm /d1/f1', 'rm /d4/f19', 'rm /long-link', 'mkdir /more'];
  for (let index = 0; index < 30; index++) {
    commands.push(`write ${path.join(content, 'd1', 'f11')} more/n${index}`);
  }
  run('debugfs', ['-w', '-f', '-', after!], { input: `${commands.join('\n')}\n` });
  return { before: before!, after: after!, image: image! };
}

export interface DirtyOptions {
  /** Options of debugfs' `journal_open`, for example `-c -v 3`. */
  readonly open: string;
  /**
   * Blocks that are at home already, and of which the log has an old copy that must not be put back:
   * a later transaction revokes it.
   */
  readonly revoked?: readonly number[];
}

/**
 * Makes `image` from `before`. Changed blocks that were free before go home at once, as data does;
 * the others wait in the journal. Returns their number.
 */
export function makeDirtyImage(
  before: string,
  after: string,
  image: string,
  { open, revoked = [] }: DirtyOptions,
): number {
  copyFileSync(before, image);
  const { byKind, used, claim } = probeExtFile(before);
  const blockBytes = Number(/^Block size: +(\d+)$/m.exec(run('dumpe2fs', ['-h', before]))![1]);
  const oldBytes = readFileSync(before);
  const newBytes = readFileSync(after);
  const folder = makeScratchFolder();
  const logged: number[] = [];
  const home: number[] = [];
  for (let startByte = 0; startByte < newBytes.length; startByte += blockBytes) {
    const bytes = newBytes.subarray(startByte, startByte + blockBytes);
    const block = startByte / blockBytes;
    if (bytes.equals(oldBytes.subarray(startByte, startByte + blockBytes))) continue;
    if (overlaps(byKind.get('journal')!, startByte, blockBytes)) continue;
    const wasFree = startByte >= claim.lengthBytes || !overlaps(used, startByte, blockBytes);
    if (wasFree || revoked.includes(block)) home.push(block);
    else logged.push(block);
  }

  const commands = [`jo ${open}`];
  const write = (name: string, blocks: readonly number[], content: Uint8Array): void => {
    const file = path.join(folder, name);
    writeFileSync(file, content);
    commands.push(`jw -b ${blocks.join(',')} ${file}`);
  };
  if (revoked.length > 0) {
    write('old', revoked, new Uint8Array(revoked.length * blockBytes).fill(0x11));
    commands.push(`jw -r ${revoked.join(',')} ${path.join(folder, 'old')}`);
  }
  for (let first = 0; first < logged.length; first += TRANSACTION_BLOCKS) {
    const blocks = logged.slice(first, first + TRANSACTION_BLOCKS);
    const content = blocks.map((block) =>
      newBytes.subarray(block * blockBytes, (block + 1) * blockBytes),
    );
    write(`transaction${first}`, blocks, Buffer.concat(content));
  }
  commands.push('jc', '');
  run('debugfs', ['-w', '-f', '-', image], { input: commands.join('\n') });
  // After debugfs, which opens no filesystem whose bitmaps and descriptors do not fit.
  const descriptor = openSync(image, 'r+');
  for (const block of home) {
    writeSync(descriptor, newBytes, block * blockBytes, blockBytes, block * blockBytes);
  }
  closeSync(descriptor);
  return logged.length;
}

function overlaps(set: RangeSet, startByte: number, lengthBytes: number): boolean {
  return set.intersects(startByte, startByte + lengthBytes);
}
