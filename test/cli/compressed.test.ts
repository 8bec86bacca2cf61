/** Images that are packed, piped or on servers, given to the commands that read them anywhere. */
import { spawn, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import { makeDemoImage } from '../support/demo-image.ts';
import { ALL_PACKERS, makeFiles, makeTar, makeZip, pack, PACKERS } from '../support/packers.ts';
import { describeWith, itWith, requireRoot, requireTools } from '../support/requirements.ts';
import { run, runBmap, tryRun, type RunOptions, type RunResult } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';
import { startWebServer } from '../support/web-server.ts';

const MIB = 2 ** 20;
const DEMO_GZ = 'test-images/images/demo.img.gz';

function scan(location: string, options: RunOptions = {}, more: readonly string[] = []): RunResult {
  return runBmap(['-q', 'scan', '--bmap', ...more, location], options);
}

let demoMap: RunResult | undefined;

/** The map of the raw demo image, which every other one must equal. */
function mapOf(demoImage: string): RunResult {
  demoMap ??= scan(demoImage);
  expect(demoMap).toMatchObject({ status: 0, stderr: '' });
  return demoMap;
}

/** Damage must end the command before a map is written. */
function expectRefused(packed: string, bytes: Buffer): void {
  const output = `${packed}.bmap`;
  writeFileSync(packed, bytes);
  const { status, stdout, stderr } = scan(packed, {}, ['-o', output]);
  expect([3, 4]).toContain(status);
  expect(stdout).toBe('');
  expect(stderr).not.toBe('');
  expect(existsSync(output)).toBe(false);
}

function flipBits(bytes: Buffer, at: number): Buffer {
  const flipped = Buffer.from(bytes);
  flipped[at] = flipped[at]! ^ 0x10;
  return flipped;
}

describeWith(ALL_PACKERS, 'bmap scan of a packed image', () => {
  const shapes = [
    ...PACKERS.map((packer) => ({
      ending: packer.ending,
      make: (image: string) => pack(packer, readFileSync(image)),
    })),
    {
      ending: 'zip',
      make: (image: string) => readFileSync(makeZip(path.dirname(image), ['demo.img'])),
    },
    {
      ending: 'tar',
      make: (image: string) => readFileSync(makeTar(path.dirname(image), ['demo.img'])),
    },
    {
      ending: 'tar.gz',
      make: (image: string) => readFileSync(makeTar(path.dirname(image), ['demo.img'], ['-z'])),
    },
  ];

  it.each(shapes)('gives the map of the raw one: $ending', ({ ending, make }) => {
    const image = makeDemoImage();
    const wanted = mapOf(image);
    const bytes = make(image);
    const packed = path.join(makeScratchFolder(), `demo.img.${ending}`);
    writeFileSync(packed, bytes);
    expect(scan(packed)).toEqual(wanted);
    expect(scan('-', { input: bytes })).toEqual(wanted);
    expectRefused(packed, bytes.subarray(0, Math.floor(bytes.length * 0.6)));
    // The headers of tar alone have checksums, the content has none.
    expectRefused(packed, flipBits(bytes, ending === 'tar' ? 5 : bytes.length >>> 1));
  });

  it('does not take one with a damaged start for a raw image', () => {
    const packed = path.join(makeScratchFolder(), 'demo.img.gz');
    expectRefused(packed, flipBits(readFileSync(DEMO_GZ), 1));
  });
});

describe('bmap scan', () => {
  it('reads a raw image from standard input, and from a pipe', () => {
    const image = makeDemoImage();
    const wanted = mapOf(image);
    expect(scan('-', { input: readFileSync(image) })).toEqual(wanted);
    const script = `cat "$2" | "$0" "$1" -q scan --bmap /dev/stdin`;
    const args = [process.execPath, 'dist/bin/bmap.js', image];
    expect(tryRun('sh', ['-c', script, ...args])).toEqual(wanted);
  });

  it('reads from servers, and shows no password', async () => {
    const wanted = mapOf(makeDemoImage());
    const bytes = readFileSync(DEMO_GZ);
    const { port } = await startWebServer((request, response) => {
      if (request.url?.startsWith('/demo.img.gz') === true) response.end(bytes);
      else response.writeHead(404).end('nothing here');
    });
    const address = `http://user:secret@127.0.0.1:${port}/demo.img.gz?key=${'k'.repeat(5000)}`;
    const output = path.join(makeScratchFolder(), 'demo.bmap');
    const { status, stdout, stderr } = await start(['scan', '-o', output, address]).done;
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^http://127.0.0.1:${port}/demo.img.gz: 64.0 MiB, GPT`, 'm'));
    expect(stderr).not.toMatch(/secret|kkk/);
    expect(readFileSync(output, 'utf8')).toBe(wanted.stdout);
    const missing = await start(['scan', `http://127.0.0.1:${port}/no.img.gz`]).done;
    expect(missing.status).toBe(7);
    expect(missing.stdout).toBe('');
  });

  it('does with a packed image what it does with a raw one', () => {
    const image = makeDemoImage();
    const address = `file://${path.resolve(DEMO_GZ)}`;
    for (const options of [
      ['--keep', '3M-4M', '--keep-partition', '1', '--lean', '--strict'],
      ['--cross-check', '--no-checksum', '--gaps', 'data'],
    ]) {
      const wanted = scan(image, {}, options);
      expect(wanted.status).toBe(0);
      expect(scan(DEMO_GZ, {}, options).stdout).toBe(wanted.stdout);
      expect(scan(address, {}, options).stdout).toBe(wanted.stdout);
    }
    expect(scan(DEMO_GZ, {}, ['--cross-check']).stderr).toBe('');
    const checked = runBmap(['scan', '--cross-check', DEMO_GZ]).stderr;
    expect(checked.match(/cross-check\.agrees/g)).toHaveLength(2);
  });

  itWith(requireTools('tar'), 'takes the member of an archive that it is told', () => {
    const image = makeDemoImage();
    const folder = path.dirname(image);
    writeFileSync(path.join(folder, 'other.img'), Buffer.alloc(MIB, 1));
    const archive = makeTar(folder, ['other.img', 'demo.img']);
    expect(scan(archive)).toMatchObject({ status: 4, stdout: '' });
    expect(scan(archive, {}, ['--member', 'demo.img'])).toEqual(mapOf(image));
    expect(scan(image, {}, ['--member', 'demo.img'])).toMatchObject({ status: 2, stdout: '' });
  });

  itWith(requireTools('gzip'), 'refuses what is no raw image inside either', () => {
    const folder = makeFiles({
      'disk.qcow2': Buffer.from('QFI\u00fb'.padEnd(600), 'latin1'),
      'a.bmap': '<?xml version="1.0" ?>\n<bmap version="2.0">',
      'empty.img': '',
    });
    for (const name of readdirSync(folder)) run('gzip', [path.join(folder, name)]);
    const refused = (name: string) => scan(path.join(folder, name));
    const qcow2 = refused('disk.qcow2.gz');
    expect(qcow2.status).toBe(4);
    expect(qcow2.stderr).toMatch(/disk\.qcow2: this is a qcow2 file.*disk\.qcow2 .*disk\.raw\n$/);
    expect(refused('a.bmap.gz')).toMatchObject({ status: 2, stdout: '' });
    expect(refused('empty.img.gz')).toMatchObject({ status: 3, stdout: '' });
  });
});

describe('bmap check and bmap inspect of a packed image', () => {
  it('answer as of the raw one', () => {
    const image = makeDemoImage();
    const map = `${image}.bmap`;
    writeFileSync(map, mapOf(image).stdout);
    const check = (location: string) => runBmap(['check', location, map]);
    expect(check(DEMO_GZ)).toEqual(check(image));
    expect(check(DEMO_GZ).status).toBe(0);
    const piped = runBmap(['check', '-', map], { input: readFileSync(DEMO_GZ) });
    expect(piped).toEqual(check(image));
    expect(runBmap(['check', '-', '-']).status).toBe(2);
    writeFileSync(map, mapOf(image).stdout.replace(/<Range[^>]*>.*<\/Range>\n/, ''));
    expect(check(DEMO_GZ)).toEqual(check(image));

    const inspect = (location: string) => {
      const report = JSON.parse(runBmap(['inspect', '--json', location]).stdout) as object;
      return { ...report, image: undefined };
    };
    expect(inspect(DEMO_GZ)).toEqual(inspect(image));
    expect(runBmap(['inspect', DEMO_GZ]).stdout).toContain('demo.img.gz');
  });
});

interface Started {
  readonly child: ChildProcess;
  readonly done: Promise<RunResult>;
}

/** For what must go on in this process meanwhile. */
function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Started {
  const child = spawn(process.execPath, ['dist/bin/bmap.js', ...args], {
    env: { ...process.env, ...env },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  child.stdin.on('error', () => {});
  const done = new Promise<RunResult>((resolve) => {
    child.on('close', (code) => resolve({ status: code ?? 128, stdout, stderr }));
  });
  return { child, done };
}

/** The open file of a process that lies in `folder`, although no name leads to it. */
function findUnnamed(pid: number, folder: string): string | undefined {
  const descriptors = `/proc/${pid}/fd`;
  return readdirSync(descriptors)
    .map((number) => path.join(descriptors, number))
    .find((link) => {
      try {
        return readlinkSync(link).startsWith(folder);
      } catch {
        return false;
      }
    });
}

const LINUX = existsSync('/proc/self/fd') ? [] : ['Linux'];

describeWith(LINUX, 'the temporary file', () => {
  it.each([
    ['SIGKILL', 128],
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('has no name, stores no zeros and is gone after %s', async (signal, expected) => {
    const folder = makeScratchFolder();
    const output = path.join(makeScratchFolder(), 'out.bmap');
    const { child, done } = start(['scan', '-o', output, '-'], { TMPDIR: folder });
    const piece = Buffer.alloc(40 * MIB);
    piece[0] = 1;
    piece[20 * MIB] = 1;
    child.stdin!.write(piece);
    await expect
      .poll(() => statSync(findUnnamed(child.pid!, folder) ?? '/').size, { timeout: 20_000 })
      .toBeGreaterThan(20 * MIB);
    expect(readdirSync(folder)).toEqual([]);
    expect(statSync(findUnnamed(child.pid!, folder)!).blocks * 512).toBeLessThan(MIB);
    child.kill(signal);
    expect((await done).status).toBe(expected);
    expect(readdirSync(folder)).toEqual([]);
    expect(existsSync(output)).toBe(false);
  });

  it('leaves nothing behind when all goes well, or the image is bad', () => {
    const folder = makeScratchFolder();
    expect(scan(DEMO_GZ, { env: { TMPDIR: folder } }).status).toBe(0);
    const cut = readFileSync(DEMO_GZ).subarray(0, 50_000);
    expect(scan('-', { input: cut, env: { TMPDIR: folder } }).status).toBe(3);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describeWith(
  [...requireRoot(), ...requireTools('mount', 'zip')],
  'a folder without room for the image',
  () => {
    it('is told by name, with the way out', () => {
      const folder = path.join(makeScratchFolder(), 'small');
      mkdirSync(folder);
      run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]);
      try {
        const zip = makeZip(path.dirname(makeDemoImage()), ['demo.img']);
        for (const packed of [DEMO_GZ, zip]) {
          const { status, stdout, stderr } = scan(packed, { env: { TMPDIR: folder } });
          expect({ status, stdout }).toEqual({ status: 7, stdout: '' });
          expect(stderr).toContain(folder);
          expect(stderr).toMatch(/TMPDIR\n$/);
          expect(stderr.trimEnd().split('\n')).toHaveLength(1);
        }
        expect(readdirSync(folder)).toEqual([]);
      } finally {
        run('umount', [folder]);
      }
    });

    it('is no concern of raw images', () => {
      const image = makeDemoImage();
      expect(scan(image, { env: { TMPDIR: '/nonexistent' } })).toEqual(mapOf(image));
    });
  },
);
