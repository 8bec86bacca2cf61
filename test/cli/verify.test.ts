import { closeSync, copyFileSync, openSync, readSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { makeDemoImage } from '../support/demo-image.ts';
import { withLoop, withMountedDevice } from '../support/loop-device.ts';
import { overwrite } from '../support/overwrite.ts';
import { itWith, requireRoot, requireTools } from '../support/requirements.ts';
import { run, runBmap } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

const MIB = 2 ** 20;
/** Inside of the third partition, which is mapped whole. */
const MAPPED_BYTE = 59 * MIB;
/** Free space of the ext4 in the second one. */
const UNMAPPED_BYTE = 55 * MIB;

function setUp(...options: readonly string[]): { image: string; map: string } {
  const image = makeDemoImage();
  const map = path.join(makeScratchFolder(), 'map');
  expect(runBmap(['scan', '-q', ...options, '-o', map, image]).status).toBe(0);
  return { image, map };
}

describe('verify', () => {
  it('says yes to what was copied, and lists every bad range', () => {
    const { image, map } = setUp();
    const target = path.join(makeScratchFolder(), 'target');
    expect(runBmap(['copy', '--bmap', map, image, target]).status).toBe(0);
    const good = runBmap(['verify', '--zeros', target, map]);
    expect(good.status).toBe(0);
    expect(good.stdout).toMatch(/as the map says: 6 mapped ranges, \d+ blocks .*zeros elsewhere/);

    overwrite(target, 4096, 'x');
    overwrite(target, MAPPED_BYTE, 'x');
    const bad = runBmap(['verify', target, map]);
    expect(bad.status).toBe(5);
    const lines = bad.stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^blocks 0-\d+ \(bytes 0 to \d+\): checksum differs: calculated /);
    expect(lines[2]).toContain('2 bad ranges');
  });

  it('looks at what is not mapped only when asked to', () => {
    const { image, map } = setUp();
    overwrite(image, UNMAPPED_BYTE, 'left behind');
    expect(runBmap(['verify', image, map]).status).toBe(0);
    const { status, stdout } = runBmap(['verify', '--zeros', image, map]);
    expect(status).toBe(5);
    const block = UNMAPPED_BYTE / 4096;
    expect(stdout).toContain(
      `blocks ${block}-${block} (bytes ${UNMAPPED_BYTE} to ${UNMAPPED_BYTE + 4096}): is not mapped and not zero`,
    );
  });

  it('takes a larger target, and calls bad what a smaller one has not', () => {
    const { image, map } = setUp();
    const target = path.join(makeScratchFolder(), 'target');
    copyFileSync(image, target);
    truncateSync(target, 70 * MIB);
    overwrite(target, 69 * MIB, 'behind the image');
    expect(runBmap(['verify', '--zeros', target, map]).status).toBe(0);
    truncateSync(target, 60 * MIB);
    const { status, stdout, stderr } = runBmap(['verify', target, map]);
    expect(status).toBe(5);
    expect(stdout).toContain('lies behind the end');
    expect(stderr).toContain('verify.smaller');
  });

  it('does not pass where there is nothing to compare with', () => {
    const { image, map } = setUp('--no-checksum');
    expect(runBmap(['verify', image, map])).toMatchObject({ status: 2 });
    const { status, stderr } = runBmap(['verify', '--zeros', image, map]);
    expect(status).toBe(0);
    expect(stderr).toContain('6 ranges of the map have no checksum');
    const none = path.join(makeScratchFolder(), 'none');
    expect(runBmap(['verify', '--zeros', none, map]).status).toBe(7);
  });

  const LOOP = [...requireRoot(), ...requireTools('losetup')];

  itWith(LOOP, 'reads a device, not what the system remembers of it', () => {
    const { image, map } = setUp();
    withLoop(image, {}, (device) => {
      expect(runBmap(['verify', device, map]).status).toBe(0);
      // As long as somebody has it open, the system remembers what was read.
      const holder = openSync(device, 'r');
      const bytes = Buffer.alloc(4);
      readSync(holder, bytes, 0, 4, MAPPED_BYTE);
      // Behind the back of that cache, as a card does that loses what was written.
      overwrite(image, MAPPED_BYTE, 'lost');
      readSync(holder, bytes, 0, 4, MAPPED_BYTE);
      expect(bytes.toString()).not.toBe('lost');
      const { status, stdout } = runBmap(['verify', device, map]);
      expect(status).toBe(5);
      expect(stdout).toContain('1 bad ranges');
      closeSync(holder);
    });
  });

  itWith([...LOOP, ...requireTools('mount', 'mke2fs')], 'warns of a device that is in use', () => {
    const image = path.join(makeScratchFolder(), 'image');
    const map = path.join(makeScratchFolder(), 'map');
    writeFileSync(image, '');
    truncateSync(image, 16 * MIB);
    run('mke2fs', ['-q', '-F', '-t', 'ext4', image]);
    expect(runBmap(['scan', '-q', '-o', map, image]).status).toBe(0);
    withLoop(image, {}, (device) => {
      withMountedDevice(device, { type: 'ext4' }, () => {
        const { status, stderr } = runBmap(['verify', device, map]);
        expect(stderr).toMatch(/verify\.in-use: .*mounted on /);
        expect(status).toBe(5);
      });
    });
  });
});
