/** `bmap copy --scan`: for images that nobody has made a map of. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { toByteRanges } from '../../src/bmap/bmap.ts';
import { parseBmap } from '../../src/bmap/parse-bmap.ts';
import {
  expectCopied,
  expectSame,
  expectUntouched,
  makeLoopTarget,
} from '../support/copy-fixture.ts';
import { makeDemoImage } from '../support/demo-image.ts';
import { overwrite } from '../support/overwrite.ts';
import { describeWith, requireRoot, requireTools } from '../support/requirements.ts';
import { runBmap, tryRun } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

const MIB = 2 ** 20;
const DEMO_GZ = 'test-images/images/demo.img.gz';

describeWith([...requireRoot(), ...requireTools('losetup')], 'bmap copy --scan to a device', () => {
  it.each([
    ['a raw image', (image: string) => image],
    ['a packed image', () => DEMO_GZ],
    ['standard input', () => '-'],
  ])('writes what is used in %s, and nothing else', (_name, choose) => {
    const image = makeDemoImage();
    const bytes = readFileSync(image);
    const map = parseBmap(Buffer.from(runBmap(['-q', 'scan', '--bmap', image]).stdout));
    const target = makeLoopTarget(64 * MIB, 0x5a);
    const args = ['copy', '--scan', '--yes', '--verify-target', choose(image), target.device];
    const { status, stdout, stderr } = runBmap(args, { input: readFileSync(DEMO_GZ) });
    expect(stderr).toMatch(/^copying image '.*' to block device '.*' using what is used in it$/m);
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    expectCopied(target.file, { bytes, mapped: toByteRanges(map) }, 0x5a);
  });

  it('writes nothing of an image that turns out to be damaged, or in a dry run', () => {
    const target = makeLoopTarget(64 * MIB, 0x5a);
    const cut = readFileSync(DEMO_GZ).subarray(0, 60_000);
    const damaged = runBmap(['copy', '--scan', '--yes', '-', target.device], { input: cut });
    expect(damaged.status).toBe(3);
    expect(damaged.stderr).toContain('target untouched');
    const dry = runBmap(['copy', '--scan', '--dry-run', DEMO_GZ, target.device]);
    expect(dry.status).toBe(0);
    expectUntouched(target);
  });
});

describe('bmap copy --scan', () => {
  it('maps whole what it does not understand', () => {
    const image = makeDemoImage();
    overwrite(image, 17 * MIB + 1024 + 0x68, 'damaged uuid');
    const target = path.join(makeScratchFolder(), 'target');
    const { status, stderr } = runBmap(['copy', '--scan', image, target]);
    expect(status).toBe(0);
    expect(stderr).toContain('ERROR ext.superblock-checksum');
    const root = (file: string) => readFileSync(file).subarray(17 * MIB, 57 * MIB);
    expectSame(root(target), root(image));
  });

  it.each([
    ['--bmap', ['--bmap', 'x']],
    ['--nobmap', ['--nobmap']],
    ['--bmap-sig', ['--bmap-sig', 'x']],
    ['--keyring', ['--keyring', 'x']],
    ['--fingerprint', ['--fingerprint', 'x']],
  ])('excludes %s', (name, options) => {
    const { status, stderr } = runBmap(['copy', '--scan', ...options, 'image', 'target']);
    expect(status).toBe(2);
    expect(stderr).toContain(`--scan and ${name} cannot be used together`);
  });

  it('does not write to the image, nor to what comes in', () => {
    const image = makeDemoImage();
    const before = readFileSync(image);
    const direct = runBmap(['copy', '--scan', image, image]);
    expect(direct.status).not.toBe(0);
    const script = '"$0" dist/bin/bmap.js copy --scan - "$1" < "$1"';
    const piped = tryRun('sh', ['-c', script, process.execPath, image]);
    expect(piped.status).not.toBe(0);
    expect(piped.stderr).toContain('target untouched');
    expectSame(readFileSync(image), before);
  });

  it('is named where no map is found, but not to scripts of bmaptool', () => {
    const image = makeDemoImage();
    const target = `${image}.copy`;
    const own = runBmap(['copy', image, target]);
    expect(own.status).toBe(2);
    expect(own.stderr).toMatch(/use --nobmap option to flash without bmap, or --scan to find out/);
    expect(own.stderr).toContain('target untouched');
    const alias = ['dist/bin/bmaptool.js', 'copy', image, target];
    const { stderr } = tryRun(process.execPath, alias);
    expect(stderr).toContain('please, use --nobmap option to flash without bmap\n');
    expect(stderr).not.toContain('--scan');
    expect(existsSync(target)).toBe(false);
  });
});
