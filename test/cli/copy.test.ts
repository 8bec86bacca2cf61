/** `bmap copy` as users and scripts see it. */
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import {
  expectCopied,
  expectSame,
  expectUntouched,
  makeCopyFixture,
  makeLoopTarget,
} from '../support/copy-fixture.ts';
import { describeWith, itWith, requireRoot, requireTools } from '../support/requirements.ts';
import { run, runBmap, tryRun } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

const MIB = 2 ** 20;
const LOOP = [...requireRoot(), ...requireTools('losetup')];

describe('bmap copy', () => {
  it('says what it does on standard error, in the words that scripts know', async () => {
    const fixture = await makeCopyFixture();
    const target = path.join(fixture.folder, 'target');
    const { status, stdout, stderr } = runBmap(['copy', fixture.image, target]);
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    const lines = stderr.trimEnd().split('\n');
    expect(lines.slice(0, -1)).toEqual([
      `discovered bmap file '${fixture.map}'`,
      'block map format version 2.0',
      '1025 blocks of size 4096 (4.0 MiB), mapped 354 blocks (1.4 MiB or 34.5%)',
      "copying image 'disk.img' to file 'target' using bmap file 'disk.bmap'",
      `synchronizing '${target}'`,
    ]);
    expect(lines.at(-1)).toMatch(/^copying time: \d+\.\ds, copying speed [\d.]+ [KM]iB\/sec$/);
    expectCopied(target, fixture, 0);
  });

  it('says nothing with -q, and more with -d', async () => {
    const fixture = await makeCopyFixture();
    const target = path.join(fixture.folder, 'target');
    expect(runBmap(['copy', '-q', fixture.image, target]).stderr).toBe('');
    expect(runBmap(['-d', 'copy', fixture.image, target]).stderr).toContain('synchronizing');
  });

  it.each(['disk.img.gz.bmap', 'disk.img.bmap', 'disk.bmap'])('finds the map %s', async (name) => {
    const fixture = await makeCopyFixture();
    const image = `${fixture.image}.gz`;
    writeFileSync(image, run('cat', [fixture.map]));
    const packed = tryRun('sh', ['-c', `gzip -c ${fixture.image} > ${image}`]);
    expect(packed.status).toBe(0);
    const map = path.join(fixture.folder, name);
    renameSync(fixture.map, map);
    // A worse candidate must not be looked at: it could not be read.
    if (name !== 'disk.bmap') writeFileSync(fixture.map, 'not a map');
    const { status, stderr } = runBmap(['copy', image, path.join(fixture.folder, 'target')]);
    expect(stderr).toContain(`discovered bmap file '${map}'`);
    expect(status).toBe(0);
  });

  it.each([
    [['--nobmap', '--bmap', 'x'], '--nobmap and --bmap cannot be used together'],
    [
      ['--bmap-sig', 'x', '--no-sig-verify'],
      '--bmap-sig and --no-sig-verify cannot be used together',
    ],
    [
      ['--keyring', 'x', '--no-sig-verify'],
      '--no-sig-verify and --keyring cannot be used together',
    ],
    [
      ['--fingerprint', 'x', '--no-sig-verify'],
      '--no-sig-verify and --fingerprint cannot be used together',
    ],
    [
      ['--nobmap', '--bmap-sig', 'x'],
      'the bmap signature file was specified, but bmap file was not found',
    ],
    [['--retries', '1'], '--retries needs --verify-target'],
    [['--unmapped', 'perhaps'], 'Allowed choices are skip, discard, zero'],
  ])('refuses %j', (options, problem) => {
    const { status, stdout, stderr } = runBmap(['copy', ...options, 'image', 'target']);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(problem);
  });

  it('wants a map, or the word that there is none', async () => {
    const fixture = await makeCopyFixture();
    renameSync(fixture.map, `${fixture.map}-away`);
    const target = path.join(fixture.folder, 'target');
    const without = runBmap(['copy', fixture.image, target]);
    expect(without.status).toBe(2);
    expect(without.stderr).toContain(
      'bmap file not found, please, use --nobmap option to flash without bmap',
    );
    expect(existsSync(target)).toBe(false);
    const { status, stderr } = runBmap(['copy', '--nobmap', fixture.image, target]);
    expect(status).toBe(0);
    expect(stderr).toContain(`no bmap given, copy entire image to '${target}'`);
    expectSame(readFileSync(target), fixture.bytes);
  });

  it('does not take the map for the image', async () => {
    const fixture = await makeCopyFixture();
    const target = path.join(fixture.folder, 'target');
    const { status, stderr } = runBmap(['copy', fixture.map, target]);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/not the bmap file|block map/);
    expect(existsSync(target)).toBe(false);
  });

  it('reads a compressed map, and one at an address', async () => {
    const fixture = await makeCopyFixture();
    const packed = path.join(fixture.folder, 'packed.bmap.gz');
    run('sh', ['-c', `gzip -c ${fixture.map} > ${packed}`]);
    for (const map of [packed, `file://${packed}`, `file://${fixture.map}`]) {
      const target = path.join(fixture.folder, 'target');
      expect(runBmap(['copy', '--bmap', map, fixture.image, target]).status).toBe(0);
      expectCopied(target, fixture, 0);
    }
  });

  it.each([
    [
      'damage',
      5,
      (bytes: Buffer) => bytes.fill(0xff, 0, 10),
      'checksum mismatch for blocks range 0-0',
    ],
    ['a map of another version', 4, undefined, 'version'],
  ] as const)('ends with its own exit code for %s', async (_name, code, damage, problem) => {
    const fixture = await makeCopyFixture();
    if (damage !== undefined) writeFileSync(fixture.image, damage(fixture.bytes));
    else {
      const text = readFileSync(fixture.map, 'utf8');
      writeFileSync(fixture.map, text.replace('version="2.0"', 'version="3.0"'));
    }
    const target = path.join(fixture.folder, 'target');
    const { status, stderr } = runBmap(['copy', fixture.image, target]);
    expect(status).toBe(code);
    expect(stderr).toContain(problem);
    expect(stderr).toContain('target untouched');
    expect(existsSync(target)).toBe(false);
  });

  it('reports to a boot splash, and goes on without one', async () => {
    const fixture = await makeCopyFixture();
    const pipe = path.join(fixture.folder, 'pipe');
    const target = path.join(fixture.folder, 'target');
    run('mkfifo', [pipe]);
    const args = ['copy', '--psplash-pipe', pipe, fixture.image, target];
    expect(runBmap(args).status).toBe(0);
    const log = path.join(fixture.folder, 'log');
    const command = `cat ${pipe} > ${log} & ${process.execPath} dist/bin/bmap.js ${args.join(' ')}; wait`;
    run('sh', ['-c', command]);
    const text = readFileSync(log, 'utf8');
    expect(text).toMatch(/^(?:PROGRESS \d+\n)*PROGRESS 100\n$/);
    const plain = runBmap(['copy', '--psplash-pipe', target, fixture.image, `${target}2`]);
    expect(plain.status).toBe(0);
    expect(plain.stderr).toContain(
      `'${target}' is not a pipe, so psplash progress will not be updated`,
    );
  });

  it('writes to a pipe, with zeros where nothing is mapped', async () => {
    const fixture = await makeCopyFixture();
    const written = path.join(fixture.folder, 'written');
    const command = `${process.execPath} dist/bin/bmap.js copy ${fixture.image} /dev/stdout | cat > ${written}`;
    run('sh', ['-c', command]);
    expectCopied(written, fixture, 0);
  });

  itWith(requireTools('script'), 'shows its progress on a terminal only', async () => {
    const fixture = await makeCopyFixture();
    const target = path.join(fixture.folder, 'target');
    const command = `${process.execPath} dist/bin/bmap.js copy ${fixture.image} ${target}`;
    const { stdout } = tryRun('script', ['-qec', command, '/dev/null']);
    expect(stdout).toContain('copying [');
    expect(runBmap(['copy', fixture.image, target]).stderr).not.toContain('copying [');
  });

  it('leaves a folder it may not write to alone', async () => {
    const fixture = await makeCopyFixture();
    const folder = path.join(makeScratchFolder(), 'missing');
    const missing = runBmap(['copy', fixture.image, path.join(folder, 'target')]);
    expect(missing.status).toBe(7);
    expect(missing.stderr).toContain('no such file');
    mkdirSync(folder);
    chmodSync(folder, 0o755);
    expect(runBmap(['copy', fixture.image, path.join(folder, 'target')]).status).toBe(0);
  });
});

describeWith(LOOP, 'bmap copy to a device', () => {
  it('makes all checks and writes nothing with --dry-run', async () => {
    const fixture = await makeCopyFixture();
    const target = makeLoopTarget();
    const { status, stderr } = runBmap(['copy', '--dry-run', fixture.image, target.device]);
    expect(status).toBe(0);
    expect(stderr).toContain(`${target.device}: 6.0 MiB, loop device of ${target.file}`);
    expect(stderr).toContain('dry run: all checks passed; nothing was written');
    expectUntouched(target);
    const small = makeLoopTarget(MIB);
    const refused = runBmap(['copy', '--dry-run', fixture.image, small.device]);
    expect(refused.status).toBe(6);
    const file = path.join(fixture.folder, 'target');
    expect(runBmap(['copy', '--dry-run', fixture.image, file]).status).toBe(0);
    expect(existsSync(file)).toBe(false);
  });

  it('names the device in full', async () => {
    const fixture = await makeCopyFixture();
    const { device } = makeLoopTarget();
    const { stderr } = runBmap(['copy', fixture.image, device]);
    expect(stderr).toContain(
      `copying image 'disk.img' to block device '${device}' using bmap file 'disk.bmap'`,
    );
  });

  itWith(requireTools('script', 'mke2fs'), 'asks on a terminal if there is something', async () => {
    const fixture = await makeCopyFixture();
    const target = makeLoopTarget();
    const answer = (text: string, options = '', program = 'bmap.js') => {
      const command = `${process.execPath} dist/bin/${program} copy ${options} ${fixture.image} ${target.device}`;
      return tryRun('script', ['-qec', command, '/dev/null'], { input: text });
    };
    // A blank device is written without a word.
    const blank = answer('');
    expect(blank.status).toBe(0);
    expect(blank.stdout).not.toContain('Overwrite');
    run('mke2fs', ['-q', '-F', '-L', 'precious', target.device]);
    const before = readFileSync(target.file);
    const refused = answer('no\n');
    expect(refused.stdout).toContain('precious');
    expect(refused.stdout).toContain(`Overwrite ${target.device}: 6.0 MiB`);
    expect(refused.status).toBe(6);
    expectSame(readFileSync(target.file), before);
    expect(answer('yes\n').status).toBe(0);
    const forms = [
      ['--yes', 'bmap.js'],
      ['', 'bmaptool.js'],
    ] as const;
    for (const [options, program] of forms) {
      run('mke2fs', ['-q', '-F', '-L', 'precious', target.device]);
      const silent = answer('', options, program);
      expect(silent.status).toBe(0);
      expect(silent.stdout).not.toContain('Overwrite');
    }
    // Nobody is asked where nobody looks.
    run('mke2fs', ['-q', '-F', '-L', 'precious', target.device]);
    expect(runBmap(['copy', fixture.image, target.device]).status).toBe(0);
  });
});
