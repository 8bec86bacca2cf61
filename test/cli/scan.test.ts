import { spawn } from 'node:child_process';
import {
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { toByteRanges } from '../../src/bmap/bmap.ts';
import { parseBmap } from '../../src/bmap/parse-bmap.ts';
import { RangeSet } from '../../src/ranges/range-set.ts';
import { DEMO_IMAGE_BYTES, makeDemoImage } from '../support/demo-image.ts';
import { withLoop, withMountedDevice } from '../support/loop-device.ts';
import { overwrite } from '../support/overwrite.ts';
import { describeWith, itWith, requireRoot, requireTools } from '../support/requirements.ts';
import { run, runBmap } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

const MIB = 1024 * 1024;

function mappedBy(args: readonly string[]): RangeSet {
  const { status, stdout, stderr } = runBmap(['-q', 'scan', '--bmap', '--no-checksum', ...args]);
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return toByteRanges(parseBmap(Buffer.from(stdout)));
}

describe('bmap scan', () => {
  it('prints the report on standard output, and nothing else', () => {
    const { status, stdout, stderr } = runBmap(['scan', makeDemoImage()]);
    expect(status).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/64\.0 MiB, GPT partition table, 512-byte sectors\n/);
    expect(stdout).toMatch(
      /^partition 1 +EFI System "esp" +FAT16 "ESP" +16\.0 MiB +used .* +left out/m,
    );
    expect(stdout).toMatch(/^partition 2 .*ext4 "root" .*$/m);
    expect(stdout).toMatch(/^partition 3 .*unknown, mapped whole .*left out 0 bytes$/m);
    expect(stdout).toMatch(/^left out \d+\.\d MiB of 64\.0 MiB\n$/m);
  });

  it('writes the map on standard output and the report on standard error', () => {
    const image = makeDemoImage();
    const { stdout, stderr } = runBmap(['scan', '--bmap', image]);
    const bmap = parseBmap(Buffer.from(stdout));
    expect(bmap).toMatchObject({
      version: '2.0',
      blockSizeBytes: 4096,
      imageSizeBytes: DEMO_IMAGE_BYTES,
    });
    expect(bmap.ranges.every(({ checksum }) => checksum?.length === 64)).toBe(true);
    expect(stderr).toMatch(/^partition 2 /m);
  });

  itWith(requireTools('bmaptool'), 'writes maps that bmaptool copies by', () => {
    const image = makeDemoImage();
    const map = `${image}.bmap`;
    writeFileSync(map, runBmap(['-q', 'scan', '--bmap', image]).stdout);
    run('bmaptool', ['copy', '--bmap', map, image, `${image}.copy`]);
    const original = readFileSync(image);
    const copy = readFileSync(`${image}.copy`);
    const mapped = toByteRanges(parseBmap(readFileSync(map)));
    const rebuilt = Buffer.alloc(original.length);
    for (const { startByte, endByte } of mapped)
      original.copy(rebuilt, startByte, startByte, endByte);
    expect(Buffer.compare(copy, rebuilt)).toBe(0);
  });

  it('says nothing with -q, before or behind the command', () => {
    const image = makeDemoImage();
    for (const args of [
      ['-q', 'scan', '-o'],
      ['scan', '-q', '-o'],
    ]) {
      expect(runBmap([...args, `${image}.bmap`, image])).toEqual({
        status: 0,
        stdout: '',
        stderr: '',
      });
    }
  });

  it('tells what it read with -d', () => {
    expect(runBmap(['scan', '-d', makeDemoImage()]).stderr).toMatch(/^read \d+ bytes of metadata/);
  });

  it('gives the same map every time', () => {
    const image = makeDemoImage();
    const [first, second] = [1, 2].map(() => runBmap(['scan', '--bmap', image]).stdout);
    expect(first).toBe(second);
  });

  it('prints a report for programs', () => {
    const image = makeDemoImage();
    const { stdout, stderr } = runBmap(['scan', '--json', '-q', image]);
    const report = JSON.parse(stdout) as Record<string, unknown>;
    expect(stderr).toBe('');
    expect(report).toMatchObject({
      formatVersion: 1,
      imageBytes: DEMO_IMAGE_BYTES,
      partitionTable: { scheme: 'gpt', isTrusted: true },
      volumes: [
        { name: 'image', filesystems: [] },
        { partition: 1, filesystems: [{ type: 'FAT16', label: 'ESP', state: 'clean' }] },
        { partition: 2, filesystems: [{ type: 'ext4', label: 'root', state: 'clean' }] },
        { partition: 3, filesystems: [], leftOutBytes: 0 },
      ],
    });
    const pairs = report['mapped'] as [number, number][];
    const mapped = RangeSet.of(...pairs.map(([startByte, endByte]) => ({ startByte, endByte })));
    expect([...mapped]).toEqual([...mappedBy([image])]);
    expect(report['leftOutBytes']).toBe(DEMO_IMAGE_BYTES - mapped.lengthBytes);
  });

  it('keeps what it is told to keep', () => {
    const image = makeDemoImage();
    const free = mappedBy([image]).complementWithin(0, DEMO_IMAGE_BYTES).at(0);
    const [start, end] = [free.startByte + 8192, free.startByte + 12288];
    const kept = mappedBy(['--keep', `${start}-${end}`, '--keep', '63M-64M', image]);
    expect(kept.covers(start, end)).toBe(true);
    expect(kept.covers(end, end + 4096)).toBe(false);
    const wholePartition = mappedBy(['--keep-partition', '2', image]);
    expect(wholePartition.covers(17 * MIB, 57 * MIB)).toBe(true);
    expect(wholePartition.covers(MIB, 17 * MIB)).toBe(false);
  });

  it('leaves out the zeros of large gaps only when asked', () => {
    const image = makeDemoImage();
    // The table's backup stays where it was; what comes behind it is no partition's.
    truncateSync(image, 300 * MIB);
    overwrite(image, 200 * MIB, 'boot environment');
    expect(mappedBy([image]).covers(64 * MIB, 300 * MIB)).toBe(true);
    const mapped = mappedBy(['--gaps', 'data', image]);
    expect(mapped.covers(200 * MIB, 200 * MIB + 4096)).toBe(true);
    expect(mapped.intersects(100 * MIB, 200 * MIB)).toBe(false);
    expect(mapped.covers(299 * MIB, 300 * MIB)).toBe(true);
    expect(runBmap(['scan', image]).stdout).toMatch(/lie outside of all partitions; --gaps data/);
  });

  it('shows names from the image without their control characters', () => {
    const image = makeDemoImage();
    // BS_VolLab in the FAT boot sector: clear the screen, ring the bell.
    overwrite(image, MIB + 0x2b, '\u001b[2J\u0007');
    const { stdout, stderr } = runBmap(['scan', image]);
    expect(stdout).toContain('"\\x1b[2J\\x07');
    const controls = Array.from(`${stdout}${stderr}`).filter(
      (char) => char < ' ' || (char >= '\u007f' && char < '\u00a0'),
    );
    expect(controls.every((char) => char === '\n')).toBe(true);
  });

  it('survives a reader that has seen enough', async () => {
    const child = spawn('sh', [
      '-c',
      `${process.execPath} dist/bin/bmap.js scan --json "$1" | head -c 10`,
      'sh',
      makeDemoImage(),
    ]);
    let stderr = '';
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
    await new Promise((resolve) => child.on('close', resolve));
    expect(stderr).not.toMatch(/at |Error/);
  });
});

describe('bmap scan --strict', () => {
  it('writes no map where damage made something be mapped whole', () => {
    const image = makeDemoImage();
    const output = `${image}.bmap`;
    expect(runBmap(['scan', '--strict', '-o', output, image]).status).toBe(0);
    const before = readFileSync(output);
    overwrite(image, 17 * MIB + 1024 + 0x68, 'damaged uuid');
    const { status, stderr } = runBmap(['scan', '--strict', '-o', output, image]);
    expect(status).toBe(3);
    expect(stderr).toMatch(/ERROR ext\.superblock-checksum: partition 2: /);
    expect(readFileSync(output)).toEqual(before);
    expect(runBmap(['scan', '--bmap', image]).status).toBe(0);
  });

  itWith(requireTools('mke2fs', 'debugfs'), 'tells an unsupported feature from damage', () => {
    const image = path.join(makeScratchFolder(), 'image');
    run('mke2fs', ['-q', '-t', 'ext4', '-O', '^metadata_csum', image, '16M']);
    run('debugfs', ['-w', '-R', 'feature FEATURE_C20', image]);
    const { status, stdout, stderr } = runBmap(['scan', '--strict', '--bmap', image]);
    expect(status).toBe(4);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/FEATURE_C20/);
    expect(mappedWithWarnings(image)).toBe(16 * MIB);
  });

  function mappedWithWarnings(image: string): number {
    const { status, stdout } = runBmap(['scan', '--bmap', image]);
    expect(status).toBe(0);
    return toByteRanges(parseBmap(Buffer.from(stdout))).lengthBytes;
  }
});

describe('bmap scan -o', () => {
  it('replaces the file whole, keeps links and leaves nothing beside it', () => {
    const image = makeDemoImage();
    const folder = path.dirname(image);
    const link = path.join(folder, 'link.bmap');
    writeFileSync(path.join(folder, 'real.bmap'), 'old');
    symlinkSync('real.bmap', link);
    expect(runBmap(['scan', '-o', link, image]).status).toBe(0);
    expect(parseBmap(readFileSync(path.join(folder, 'real.bmap'))).version).toBe('2.0');
    expect(readdirSync(folder).toSorted()).toEqual(['demo.img', 'link.bmap', 'real.bmap']);
  });

  it.each([
    ['the image itself', (image: string) => image, 2],
    ['the image by another name', (image: string) => `${path.dirname(image)}/./demo.img`, 2],
    ['a folder that is not there', () => '/nonexistent/x.bmap', 7],
  ])('refuses %s', (_, outputFor, status) => {
    const image = makeDemoImage();
    const before = readFileSync(image);
    expect(runBmap(['scan', '-o', outputFor(image), image]).status).toBe(status);
    expect(Buffer.compare(readFileSync(image), before)).toBe(0);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('leaves nothing behind when %s ends it', async (signal, expected) => {
    const folder = makeScratchFolder();
    const image = path.join(folder, 'big.img');
    writeFileSync(image, '');
    truncateSync(image, 200 * 1024 * MIB);
    const args = ['dist/bin/bmap.js', 'scan', '-o', path.join(folder, 'out.bmap'), image];
    const child = spawn(process.execPath, args);
    let stderr = '';
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
    await new Promise((resolve) => child.stderr.once('data', resolve));
    setTimeout(() => child.kill(signal), 300);
    const status = await new Promise((resolve) => child.on('close', resolve));
    expect(stderr).toMatch(/interrupted\n$/);
    expect(status).toBe(expected);
    expect(readdirSync(folder)).toEqual(['big.img']);
  });
});

describe('bmap scan refuses', () => {
  function makeFile(content: Uint8Array | string): string {
    const file = path.join(makeScratchFolder(), 'image');
    writeFileSync(file, content);
    return file;
  }

  it.each([
    ['a missing file', () => '/nonexistent/image', 7, /no such file/],
    ['a folder', () => makeScratchFolder(), 7, /is a directory/],
    ['a character device', () => '/dev/null', 7, /neither a regular file nor a block device/],
    ['an empty file', () => makeFile(''), 3, /the image is empty/],
    [
      'a qcow2 file',
      () => makeFile(Buffer.from('QFI\u00fb'.padEnd(600), 'latin1')),
      4,
      /qemu-img convert/,
    ],
    [
      'a block map',
      () => makeFile('<?xml version="1.0" ?>\n<bmap version="2.0">'),
      2,
      /block map, not an image/,
    ],
  ])('%s with one clear line', (_, make, status, message) => {
    const result = runBmap(['scan', '--bmap', make()]);
    expect(result.stdout).toBe('');
    expect(result.stderr).toMatch(message);
    expect(result.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(result.status).toBe(status);
  });

  it('a broken gzip file', () => {
    const result = runBmap(['scan', '--bmap', makeFile(Uint8Array.of(0x1f, 0x8b, 8, 0, 0))]);
    expect(result.stdout).toBe('');
    expect(result.stderr).toMatch(/^bmap: gzip data of .*ends/m);
    expect(result.status).toBe(3);
  });

  it.each([
    [['scan']],
    [['scan', 'a', 'b']],
    [['scan', '--nonsense', 'a']],
    [['scan', '--keep', '5', 'a']],
    [['scan', '--keep', '9-5', 'a']],
    [['scan', '--keep', '1X-5', 'a']],
    [['scan', '--keep-partition', '0', 'a']],
    [['scan', '--gaps', 'all', 'a']],
    [['scan', '--json', '--bmap', 'a']],
    [['scan', '--lean', '--cross-check', 'a']],
    [['scan', '-q', '-d', 'a']],
    [['nonsense']],
    [[]],
  ])('the command line %j', (args) => {
    const { status, stdout, stderr } = runBmap(args);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^bmap: /);
    expect(status).toBe(2);
  });

  it('a partition to keep that is not there', () => {
    const { status, stderr } = runBmap(['scan', '--keep-partition', '4', makeDemoImage()]);
    expect(stderr).toMatch(/no partition 4/);
    expect(status).toBe(2);
  });
});

describe('help', () => {
  it.each([[['--help']], [['help', 'scan']], [['scan', '--help']], [['--version']]])(
    '%j goes to standard output',
    (args) => {
      const { status, stdout, stderr } = runBmap(args);
      expect(status).toBe(0);
      expect(stderr).toBe('');
      expect(stdout).not.toBe('');
    },
  );
});

const ROOT = [...requireRoot(), ...requireTools('losetup', 'mount', 'mke2fs')];

describeWith(ROOT, 'images in use', () => {
  function makeExt4(): string {
    const image = path.join(makeScratchFolder(), 'image');
    run('mke2fs', ['-q', '-t', 'ext4', image, '16M']);
    return image;
  }

  it('are refused behind a writable loop device, and mapped whole with --live', () => {
    const image = makeExt4();
    withLoop(image, {}, () => {
      const { status, stderr } = runBmap(['scan', image]);
      expect(stderr).toMatch(/attached to the writable loop device \/dev\/loop\d+.*--live/);
      expect(status).toBe(6);
      expect(mappedBy(['--live', image]).lengthBytes).toBe(16 * MIB);
    });
    expect(mappedBy([image]).lengthBytes).toBeLessThan(16 * MIB);
  });

  it('are scanned behind a read-only loop device', () => {
    const image = makeExt4();
    withLoop(image, { readOnly: true }, (device) => {
      expect([...mappedBy([image])]).toEqual([...mappedBy([device])]);
    });
  });

  it('are no place for a map where they are devices', () => {
    const image = makeDemoImage();
    withLoop(makeExt4(), {}, (device) => {
      const before = readFileSync(device);
      expect(runBmap(['scan', '-o', device, image]).status).toBe(6);
      expect(statSync(device).isBlockDevice()).toBe(true);
      expect(Buffer.compare(readFileSync(device), before)).toBe(0);
    });
  });

  it('are refused as a mounted device', () => {
    withLoop(makeExt4(), {}, (device) => {
      expect(runBmap(['scan', device]).status).toBe(0);
      withMountedDevice(device, { type: 'ext4' }, (folder) => {
        const { status, stderr } = runBmap(['scan', device]);
        expect(stderr).toContain(`is mounted on ${folder}`);
        expect(status).toBe(6);
        expect(runBmap(['scan', '--live', device]).stdout).toMatch(/in use, mapped whole/);
      });
    });
  });
});
