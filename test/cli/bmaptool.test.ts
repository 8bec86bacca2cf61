/** The alias `bmaptool`, beside the program whose name it has. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import {
  expectCopied,
  expectUntouched,
  makeCopyFixture,
  makeLoopTarget,
} from '../support/copy-fixture.ts';
import { describeWith, itWith, requireRoot, requireTools } from '../support/requirements.ts';
import { run, tryRun, type RunResult } from '../support/run.ts';

function runAlias(...args: readonly string[]): RunResult {
  return tryRun(process.execPath, ['dist/bin/bmaptool.js', ...args]);
}

const version = (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version;

describe('the command line of bmaptool', () => {
  it('tells its version on standard output', () => {
    expect(runAlias('--version')).toEqual({
      status: 0,
      stdout: `bmaptool 3.9.0 (bmap-cli ${version})\n`,
      stderr: '',
    });
  });

  it('ends with 2 for what it does not understand', () => {
    const { status, stdout, stderr } = runAlias('copy', '--no', 'a', 'b');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(
      /^usage: bmaptool copy .*\nbmaptool copy: error: ambiguous option: --no /,
    );
  });

  it.each([
    [['-q', '-d', 'copy', 'a', 'b'], '--quiet and --debug cannot be used together'],
    [['copy', '--nobmap', '--bmap', 'x', 'a', 'b'], '--nobmap and --bmap cannot be used together'],
    [['copy', '/no/such.img', '/no/such'], 'cannot open image:'],
  ])('ends with 1 for %j', (args, problem) => {
    const { status, stdout, stderr } = runAlias(...args);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain(`bmaptool: \u001b[91mERROR\u001b[0m: ${problem}`);
  });

  it('takes shortened options, values behind =, and names behind --', async () => {
    const fixture = await makeCopyFixture();
    const target = path.join(fixture.folder, '-target');
    const { status, stdout, stderr } = tryRun(
      process.execPath,
      [
        path.resolve('dist/bin/bmaptool.js'),
        '--q',
        'copy',
        `--bmap=${fixture.map}`,
        fixture.image,
        '--no-v',
        '--',
        '-target',
      ],
      { cwd: fixture.folder },
    );
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
    expectCopied(target, fixture, 0);
  });

  it('keeps the words and the prefix', async () => {
    const fixture = await makeCopyFixture();
    const target = path.join(fixture.folder, 'target');
    const { stderr } = runAlias('copy', fixture.image, target);
    expect(stderr.split('\n').slice(0, -2)).toEqual([
      `bmaptool: info: discovered bmap file '${fixture.map}'`,
      'bmaptool: info: block map format version 2.0',
      'bmaptool: info: 1025 blocks of size 4096 (4.0 MiB), mapped 354 blocks (1.4 MiB or 34.5%)',
      "bmaptool: info: copying image 'disk.img' to file 'target' using bmap file 'disk.bmap'",
      `bmaptool: info: synchronizing '${target}'`,
    ]);
  });

  it('warns in color, and makes maps', async () => {
    const fixture = await makeCopyFixture();
    const { status, stdout, stderr } = runAlias('create', fixture.image);
    expect(status).toBe(0);
    expect(stdout).toContain('<bmap version="2.0">');
    expect(stderr).toContain(
      'bmaptool: \u001b[93mWARNING\u001b[0m: all 4.0 MiB are mapped, no holes in',
    );
  });

  it('refuses to make a file under /dev', async () => {
    const fixture = await makeCopyFixture();
    const missing = `/dev/bmap-test-${process.pid}`;
    const { status, stderr } = runAlias('copy', fixture.image, missing);
    expect(status).toBe(1);
    expect(stderr).toContain('there is no such device');
    expect(existsSync(missing)).toBe(false);
  });

  it('refuses a cut source', async () => {
    const fixture = await makeCopyFixture();
    const packed = `${fixture.image}.gz`;
    run('sh', ['-c', `gzip -c ${fixture.image} > ${packed}`]);
    writeFileSync(packed, readFileSync(packed).subarray(0, -20));
    const target = path.join(fixture.folder, 'target');
    const { status, stderr } = runAlias('copy', '--nobmap', packed, target);
    expect(status).toBe(1);
    expect(stderr).toContain('target partial');
  });
});

describeWith([...requireRoot(), ...requireTools('losetup')], 'bmaptool to a device', () => {
  it('copies what is mapped', async () => {
    const fixture = await makeCopyFixture();
    const target = makeLoopTarget();
    const { status, stderr } = runAlias('copy', fixture.image, target.device);
    expect(status).toBe(0);
    expect(stderr).toContain(`copying image 'disk.img' to block device '${target.device}'`);
    expectCopied(target.file, fixture, target.fill);
  });

  it('wants a removable device if told so', async () => {
    const fixture = await makeCopyFixture();
    const target = makeLoopTarget();
    const { status, stderr } = runAlias('copy', '--removable-device', fixture.image, target.device);
    expect(status).toBe(1);
    expect(stderr).toContain('is not a removable block device');
    expectUntouched(target);
  });

  itWith(requireTools('bmaptool'), 'leaves a device as the original does', async () => {
    const fixture = await makeCopyFixture();
    const ours = makeLoopTarget();
    const theirs = makeLoopTarget();
    runAlias('copy', fixture.image, ours.device);
    run('bmaptool', ['copy', fixture.image, theirs.device]);
    expect(readFileSync(ours.file).equals(readFileSync(theirs.file))).toBe(true);
  });
});
