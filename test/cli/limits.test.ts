/** Images that are made to cost: what they can take in memory is bounded, and said. */
import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

import { describeWith, requireTools } from '../support/requirements.ts';
import { run } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';
import { makeGptImage } from '../support/table-image.ts';

const MIB = 1024 * 1024;
const LIMIT_KIB = 512 * 1024;

/** Runs the program under GNU time, whose last line is the peak of its memory. */
function scanWithPeak(image: string): { stderr: string; peakKib: number } {
  const args = ['-f', '%M', process.execPath, 'dist/bin/bmap.js', 'scan', '--no-checksum'];
  const stderr = run('sh', [
    '-c',
    'time=$1; shift; "$time" "$@" 2>&1',
    'sh',
    '/usr/bin/time',
    ...args,
    '-o',
    `${image}.bmap`,
    image,
  ]);
  return { stderr, peakKib: Number(stderr.trim().split('\n').at(-1)) };
}

/** Takes every second cluster of a FAT32 volume, for `clusterCount` clusters. */
function scatter(image: string, startByte: number, clusterCount: number): void {
  const handle = openSync(image, 'r+');
  const boot = Buffer.alloc(512);
  readSync(handle, boot, 0, 512, startByte);
  const table = Buffer.alloc(clusterCount * 4);
  for (let cluster = 0; cluster < clusterCount; cluster += 2)
    table.writeUInt32LE(0x0fffffff, cluster * 4);
  // Behind the two marks and the root directory.
  writeSync(handle, table, 0, table.length, startByte + boot.readUInt16LE(14) * 512 + 16 * 4);
  closeSync(handle);
}

const needs = requireTools('truncate', 'sfdisk', 'mkfs.fat', 'time', 'mke2fs');

describeWith(needs, 'limits', () => {
  it('hold when filesystems are in millions of pieces', () => {
    const image = path.join(makeScratchFolder(), 'image');
    run('truncate', ['-s', '3300M', image]);
    const starts = [1, 1100, 2200];
    const lines = starts.map((start) => `start=${start * 2048}, size=${1000 * 2048}, type=c`);
    run('sfdisk', ['--quiet', image], { input: ['label: dos', ...lines].join('\n') });
    for (const start of starts) {
      const offset = `${start * 2048}`;
      run('mkfs.fat', [
        '-F',
        '32',
        '-s',
        '1',
        '-f',
        '1',
        '--offset',
        offset,
        image,
        `${1000 * 1024}`,
      ]);
      scatter(image, start * MIB, 1_400_000);
    }
    const { stderr, peakKib } = scanWithPeak(image);
    expect(stderr).toMatch(/WARNING scan\.too-many-runs: partition 3: /);
    expect(peakKib).toBeLessThan(LIMIT_KIB);
  });

  it('hold when a table lays partition over partition', () => {
    const image = path.join(makeScratchFolder(), 'image');
    const entries = Array.from({ length: 40 }, (_, index) => ({
      slot: index + 1,
      firstLba: 2048,
      lastLba: 2048 + 32 * 2048 + index,
    }));
    writeFileSync(image, makeGptImage({ imageBytes: 64 * MIB, entries }));
    run('mke2fs', ['-q', '-F', '-t', 'ext4', '-E', `offset=${MIB}`, image, '32M']);
    const { stderr } = scanWithPeak(image);
    expect(stderr.match(/WARNING scan\.too-many-overlaps: partition/g)).toHaveLength(40);
  });
});
