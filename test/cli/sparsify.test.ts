import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  rmdirSync,
  statSync,
  statfsSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { seekData, seekHole } from '../../native/seek-hole.ts';
import { toByteRanges } from '../../src/bmap/bmap.ts';
import { readDataRanges } from '../../src/bmap/hole-map.ts';
import { parseBmap } from '../../src/bmap/parse-bmap.ts';
import { RangeSet } from '../../src/ranges/range-set.ts';
import { makeDemoImage } from '../support/demo-image.ts';
import { withLoop, withMount, withMountedDevice } from '../support/loop-device.ts';
import { makePoisonedCopy, scanFileForTest } from '../support/poison.ts';
import { SeededRandom } from '../support/random.ts';
import { describeWith, itWith, requireRoot, requireTools } from '../support/requirements.ts';
import { run, runBmap, tryRun } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';
import { makeFilesystems, type FilesystemImage } from '../support/sparsify-image.ts';

const MIB = 2 ** 20;
const MOUNTS = [...requireRoot(), ...requireTools('losetup', 'mount')];

/** What tools that go by holes see as data. */
function readWritten(file: string): RangeSet {
  const fileDescriptor = openSync(file, 'r');
  try {
    const calls = { readExtents: () => undefined, seekData, seekHole };
    return readDataRanges({ fileDescriptor, path: file }, statSync(file).size, calls);
  } finally {
    closeSync(fileDescriptor);
  }
}

/** Every byte of `mapped` must be the same, and every other one zero or the same. */
function compareImages(before: string, after: string, mapped: RangeSet): void {
  const [left, right] = [openSync(before, 'r'), openSync(after, 'r')];
  try {
    const sizeBytes = statSync(before).size;
    expect(statSync(after).size).toBe(sizeBytes);
    const [one, other] = [Buffer.alloc(MIB), Buffer.alloc(MIB)];
    for (const [ranges, isUsed] of [
      [mapped, true],
      [mapped.complementWithin(0, sizeBytes), false],
    ] as const) {
      for (const { startByte, endByte } of ranges) {
        for (let at = startByte; at < endByte; at += MIB) {
          const length = Math.min(MIB, endByte - at);
          readSync(left, one, 0, length, at);
          readSync(right, other, 0, length, at);
          const isSame = one.compare(other, 0, length, 0, length) === 0;
          const isZero = !isUsed && other.subarray(0, length).every((byte) => byte === 0);
          if (!isSame && !isZero) throw new Error(`bytes ${at} to ${at + length} were changed`);
        }
      }
    }
  } finally {
    closeSync(left);
    closeSync(right);
  }
}

function allocatedBytes(file: string): number {
  return statSync(file).blocks * 512;
}

function readFreeBytes(folder: string): number {
  run('sync', ['--file-system', folder]);
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** A tmpfs of its own, for what all tests of a group share. Needs root rights. */
function makeMemoryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'bmap-test-'));
  run('mount', ['-t', 'tmpfs', 'tmpfs', folder]);
  return folder;
}

function removeMemoryFolder(folder: string): void {
  run('umount', [folder]);
  rmdirSync(folder);
}

/** Mounts a host filesystem while `body` runs in it. */
function withHost<T>(type: string, body: (folder: string) => T): T {
  if (type === 'tmpfs' || type === 'ramfs') return withMountedDevice(type, { type }, body);
  // In memory, so that these tests do not wait for a disk.
  return withHost('tmpfs', (memory) => withHostDisk(type, path.join(memory, 'disk'), body));
}

function withHostDisk<T>(type: string, disk: string, body: (folder: string) => T): T {
  writeFileSync(disk, '');
  truncateSync(disk, 600 * MIB);
  const makers: Readonly<Record<string, readonly string[]>> = {
    ext4: ['mke2fs', '-q', '-t', 'ext4'],
    xfs: ['mkfs.xfs', '-q'],
    btrfs: ['mkfs.btrfs', '-q'],
  };
  const [program, ...args] = makers[type]!;
  run(program!, [...args, disk]);
  return withMount(disk, { type }, body);
}

const IMAGE_TOOLS = [
  ...MOUNTS,
  ...requireTools(
    'sfdisk',
    'mkfs.fat',
    'mcopy',
    'fsck.fat',
    'mke2fs',
    'e2fsck',
    'mkfs.btrfs',
    'btrfs',
  ),
];

describeWith(IMAGE_TOOLS, 'sparsify of FAT, ext4 and btrfs', () => {
  let folder: string;
  let image: FilesystemImage;
  let mapped: RangeSet;
  /** All bytes allocated, and junk where nothing is used. */
  let dense: string;

  beforeAll(async () => {
    folder = makeMemoryFolder();
    image = makeFilesystems(folder);
    ({ mapped } = await scanFileForTest(image.file));
    const junk = path.join(folder, 'junk.img');
    dense = path.join(folder, 'dense.img');
    makePoisonedCopy(image.file, mapped, junk);
    run('cp', ['--sparse=never', junk, dense]);
    rmSync(junk);
  });
  afterAll(() => removeMemoryFolder(folder));

  const hosts = [
    ['ext4', []],
    ['xfs', requireTools('mkfs.xfs')],
    ['btrfs', []],
    ['tmpfs', []],
  ] as const;
  for (const [type, requirement] of hosts) {
    itWith(requirement, `frees what is not used and nothing else, on ${type}`, async () => {
      const freed = path.join(folder, `freed-on-${type}.img`);
      withHost(type, (host) => {
        const [file, copy] = [path.join(host, 'image'), path.join(host, 'copy')];
        run('cp', ['--sparse=never', dense, file]);
        chmodSync(file, 0o640);
        chownSync(file, 12, 34);
        const before = statSync(file);

        const freeBytes = readFreeBytes(host);
        expect(runBmap(['sparsify', '-o', copy, file]).status).toBe(0);
        // These two share the blocks of both files.
        const sharedBytes = type === 'xfs' || type === 'btrfs' ? mapped.lengthBytes : 0;
        const takenBytes = freeBytes - readFreeBytes(host);
        expect(takenBytes).toBeLessThan(mapped.lengthBytes - sharedBytes + 4 * MIB);
        expect(statSync(file).mtimeMs).toBe(before.mtimeMs);
        run('cmp', [dense, file]);
        expect(statSync(copy).mode & 0o777).toBe(0o640);
        compareImages(dense, copy, mapped);
        expect(readWritten(copy)).toEqual(mapped);
        expect(readdirSync(host).filter((name) => name.endsWith('.tmp'))).toEqual([]);

        const { status, stdout } = runBmap(['sparsify', file]);
        expect(status).toBe(0);
        expect(stdout).toMatch(/allocated [\d.]+ MiB before, [\d.]+ MiB after/);
        const after = statSync(file);
        expect([after.size, after.uid, after.gid, after.mode, after.ino]).toEqual([
          before.size,
          12,
          34,
          before.mode,
          before.ino,
        ]);
        compareImages(dense, file, mapped);
        expect(readWritten(file)).toEqual(mapped);
        // A few blocks of the host's own at most.
        expect(allocatedBytes(file)).toBeLessThan(mapped.lengthBytes + MIB);
        run('cp', ['--sparse=always', file, freed]);
        expect(image.judge(file)).toEqual(image.judgement);

        expect(runBmap(['sparsify', file]).status).toBe(0);
        expect(statSync(file).mtimeMs).toBe(after.mtimeMs);
      });
      expect((await scanFileForTest(freed)).mapped).toEqual(mapped);
    });
  }

  it('copies to another filesystem, and over what is there', () => {
    withHost('tmpfs', (host) => {
      const copy = path.join(host, 'copy');
      const link = path.join(host, 'link');
      writeFileSync(copy, 'old');
      symlinkSync('copy', link);
      expect(runBmap(['sparsify', '-o', link, dense]).status).toBe(0);
      compareImages(dense, copy, mapped);
      expect(readWritten(copy)).toEqual(mapped);
    });
  });

  it('leaves used holes alone, and allocates them when asked to', () => {
    const sparse = path.join(folder, 'sparse.img');
    run('cp', ['--sparse=always', dense, sparse]);
    const holes = mapped.subtract(readWritten(sparse));
    expect(holes.lengthBytes).toBeGreaterThan(MIB);
    expect(runBmap(['sparsify', sparse]).status).toBe(0);
    expect(mapped.subtract(readWritten(sparse))).toEqual(holes);

    const copy = path.join(folder, 'filled.img');
    const dry = runBmap(['sparsify', '--fill-used', '-n', '-o', copy, sparse]);
    expect([dry.status, existsSync(copy)]).toEqual([0, false]);
    expect(runBmap(['sparsify', '--fill-used', '-o', copy, sparse]).status).toBe(0);
    expect(runBmap(['sparsify', '--fill-used', sparse]).status).toBe(0);
    for (const file of [copy, sparse]) {
      expect(readWritten(file)).toEqual(mapped);
      compareImages(dense, file, mapped);
    }
  });

  it('changes nothing on a dry run, and tells the truth', () => {
    const file = path.join(folder, 'dry.img');
    run('cp', ['--sparse=never', dense, file]);
    const { mtimeMs, blocks } = statSync(file);
    const dry = runBmap(['sparsify', '--dry-run', file]);
    expect(dry.status).toBe(0);
    expect([statSync(file).mtimeMs, statSync(file).blocks]).toEqual([mtimeMs, blocks]);
    run('cmp', [dense, file]);
    const done = runBmap(['sparsify', file]);
    const after = (text: string) => /([\d.]+ MiB) after/.exec(text)?.[1];
    expect(after(dry.stdout)).toBe(after(done.stdout));
  });
});

describeWith(requireTools('bmaptool'), 'sparsify by a map', () => {
  function setUp(): { image: string; map: string; mapped: RangeSet } {
    const image = makeDemoImage();
    const map = path.join(makeScratchFolder(), 'map.bmap');
    expect(runBmap(['scan', '-o', map, image]).status).toBe(0);
    return { image, map, mapped: toByteRanges(parseBmap(readFileSync(map))) };
  }

  /** A map that maps all of the image, made by another program from a file without holes. */
  function mapAll(image: string): string {
    const map = path.join(makeScratchFolder(), 'all.bmap');
    run('bmaptool', ['create', '-o', map, image]);
    return map;
  }

  it('frees only what map and scan both leave out', () => {
    const { image, map, mapped } = setUp();
    const before = readWritten(image);
    expect(runBmap(['sparsify', '--bmap', mapAll(image), image]).status).toBe(0);
    expect(readWritten(image)).toEqual(before);
    // A map that leaves out everything does not make the scan say yes.
    const holes = path.join(makeScratchFolder(), 'holes.img');
    run('cp', ['--sparse=always', image, holes]);
    const tight = mapAll(holes);
    expect(runBmap(['sparsify', '--bmap', tight, image]).status).toBe(0);
    expect(mapped.subtract(readWritten(image)).isEmpty).toBe(true);
    expect(runBmap(['sparsify', '--bmap', map, image]).status).toBe(0);
    expect(readWritten(image)).toEqual(mapped);
  });

  it('believes a map when told to, if it is of this image', () => {
    const { image, map, mapped } = setUp();
    const other = path.join(makeScratchFolder(), 'changed.img');
    copyFileSync(image, other);
    const place = mapped.at(mapped.count - 1).startByte;
    run('dd', [
      'if=/dev/urandom',
      `of=${other}`,
      'bs=1',
      'count=8',
      `seek=${place}`,
      'conv=notrunc',
    ]);
    const before = readWritten(other);
    const refused = runBmap(['sparsify', '--trust-map', '--bmap', map, other]);
    expect(refused.status).toBe(5);
    expect(refused.stderr).toContain('cannot be trusted');
    expect(readWritten(other)).toEqual(before);

    expect(runBmap(['sparsify', '--trust-map', '--bmap', map, image]).status).toBe(0);
    expect(readWritten(image)).toEqual(mapped);
  });

  it('refuses a map of another size, trust without a map, and trust with wishes for a scan', () => {
    const { image, map } = setUp();
    expect(runBmap(['sparsify', '--trust-map', image]).status).toBe(2);
    const keep = ['--keep', '0-4096'];
    expect(runBmap(['sparsify', '--trust-map', '--bmap', map, ...keep, image]).status).toBe(2);
    truncateSync(image, statSync(image).size + 4096);
    expect(runBmap(['sparsify', '--bmap', map, image]).status).toBe(5);
    expect(runBmap(['sparsify', '--trust-map', '--bmap', map, image]).status).toBe(5);
  });

  it('leaves alone what it is told to keep', async () => {
    const { image } = setUp();
    const other = path.join(makeScratchFolder(), 'other.img');
    copyFileSync(image, other);
    expect(runBmap(['sparsify', '--keep-partition', '2', '--keep', '2M-3M', image]).status).toBe(0);
    const kept = RangeSet.of({ startByte: 2 * MIB, endByte: 3 * MIB });
    const partition = (await scanFileForTest(other)).volumes.find(
      ({ volume }) => volume.index === 2,
    )!;
    const all = kept.union(RangeSet.of(partition.volume));
    expect(all.subtract(readWritten(image)).isEmpty).toBe(true);
    expect(readWritten(image).lengthBytes).toBeLessThan(readWritten(other).lengthBytes);
  });
});

describe('sparsify refuses', () => {
  /** Refused with exit 6 and a text, nothing changed; and the same succeeds when the cause is gone. */
  function expectRefused(args: readonly string[], image: string, text: RegExp | string): void {
    const { mtimeMs } = statSync(image);
    const written = readWritten(image);
    const { status, stderr } = runBmap(['sparsify', ...args]);
    expect(stderr).toMatch(text);
    expect(status).toBe(6);
    expect(statSync(image).mtimeMs).toBe(mtimeMs);
    expect(readWritten(image)).toEqual(written);
  }

  function expectFreed(image: string): void {
    const before = readWritten(image).lengthBytes;
    expect(runBmap(['sparsify', image]).status).toBe(0);
    expect(readWritten(image).lengthBytes).toBeLessThan(before);
  }

  itWith(MOUNTS, 'a block device, and an image that is attached to one', () => {
    const image = makeDemoImage();
    withLoop(image, {}, (device) => {
      expectRefused([device], image, /is a block device/);
      expectRefused([image], image, /attached to the writable loop device/);
      expectRefused(['--dry-run', image], image, /attached to the writable loop device/);
    });
    withLoop(image, { readOnly: true }, () => {
      expectRefused([image], image, /attached to the read-only loop device/);
      expectRefused(['--dry-run', image], image, /attached to the read-only loop device/);
    });
    expectFreed(image);
  });

  itWith(MOUNTS, 'an image of which a filesystem is mounted', async () => {
    const image = makeDemoImage();
    const { volume } = (await scanFileForTest(image)).volumes[2]!;
    withMount(image, { type: 'ext4', startByte: volume.startByte }, () => {
      expectRefused([image], image, /attached to the writable loop device/);
    });
    expectFreed(image);
  });

  itWith(MOUNTS, 'a filesystem that cannot punch holes', () => {
    const image = makeDemoImage();
    withHost('ramfs', (host) => {
      const file = path.join(host, 'image');
      copyFileSync(image, file);
      expectRefused([file], file, /cannot punch holes/);
      run('cmp', [image, file]);
    });
    expectFreed(image);
  });

  itWith([...requireRoot(), ...requireTools('setpriv')], 'those who may not write', () => {
    const folder = makeScratchFolder();
    chmodSync(folder, 0o755);
    const image = path.join(folder, 'image');
    copyFileSync(makeDemoImage(), image);
    const asNobody = (args: readonly string[]) =>
      tryRun('setpriv', [
        '--reuid=65534',
        '--clear-groups',
        process.execPath,
        'dist/bin/bmap.js',
        'sparsify',
        ...args,
      ]);
    const before = readWritten(image);
    for (const args of [[image], ['--dry-run', image]]) {
      const { status, stderr } = asNobody(args);
      expect(stderr).toContain('permission denied');
      expect(status).toBe(6);
    }
    expect(readWritten(image)).toEqual(before);
    chownSync(image, 65534, 65534);
    expect(asNobody([image]).status).toBe(0);
    expect(readWritten(image).lengthBytes).toBeLessThan(before.lengthBytes);
  });

  itWith(requireTools('python3'), 'an image that another program has locked', async () => {
    const image = makeDemoImage();
    const script = `import fcntl,sys; f=open(sys.argv[1],'r+'); fcntl.lockf(f,fcntl.LOCK_EX,1,100); print('locked',flush=True); sys.stdin.read()`;
    const holder = spawn('python3', ['-c', script, image], { stdio: ['pipe', 'pipe', 'inherit'] });
    await new Promise((resolve) => {
      holder.stdout.once('data', resolve);
    });
    expectRefused([image], image, /locked by another program/);
    const ended = new Promise((resolve) => {
      holder.once('exit', resolve);
    });
    holder.stdin.end();
    await ended;
    expectFreed(image);
  });

  it('to write the copy over the image, to a folder, or what is no image', () => {
    const image = makeDemoImage();
    const before = readWritten(image);
    const folder = makeScratchFolder();
    expect(runBmap(['sparsify', '-o', image, image]).status).toBe(2);
    expect(runBmap(['sparsify', '-o', folder, image]).status).toBe(6);
    expect(readWritten(image)).toEqual(before);
    expect(runBmap(['sparsify', path.join(folder, 'none')]).status).toBe(7);
    expect(runBmap(['sparsify', folder]).status).toBe(7);
    const packed = path.join(folder, 'packed.gz');
    copyFileSync('test-images/images/demo.img.gz', packed);
    expect(runBmap(['sparsify', packed]).status).toBe(4);
  });
});

const FRAGMENT_TOOLS = [...MOUNTS, ...requireTools('mke2fs', 'e2fsck')];

describeWith(FRAGMENT_TOOLS, 'sparsify that is ended in the middle', () => {
  let folder: string;
  let dense: string;
  let mapped: RangeSet;

  /** Thousands of runs of free blocks between files, so that there is a middle. */
  beforeAll(async () => {
    folder = makeMemoryFolder();
    const image = path.join(folder, 'fragments.img');
    writeFileSync(image, '');
    truncateSync(image, 96 * MIB);
    run('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', '4096', '-N', '16384', image]);
    withMount(image, { type: 'ext4' }, (mount) => {
      for (let index = 0; index < 12_000; index++) {
        if (index % 1000 === 0) mkdirSync(path.join(mount, `d${index / 1000}`));
        const file = path.join(mount, `d${Math.floor(index / 1000)}`, `f${index}`);
        writeFileSync(file, Buffer.alloc(4096, index % 251));
      }
      run('sync', ['-f', mount]);
      for (let index = 0; index < 12_000; index += 2) {
        rmSync(path.join(mount, `d${Math.floor(index / 1000)}`, `f${index}`));
      }
    });
    ({ mapped } = await scanFileForTest(image));
    dense = path.join(folder, 'dense.img');
    run('cp', ['--sparse=never', image, dense]);
  });
  afterAll(() => removeMemoryFolder(folder));

  /** Starts it, and sends the signal when so much has been freed. @returns how it ended. */
  async function endAt(file: string, freedBytes: number, signal: NodeJS.Signals) {
    const start = allocatedBytes(file);
    const child = spawn(process.execPath, ['dist/bin/bmap.js', 'sparsify', file]);
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const timer = setInterval(() => {
      // Once: the second signal would end it without a word.
      if (start - allocatedBytes(file) < freedBytes) return;
      clearInterval(timer);
      child.kill(signal);
    }, 1);
    const code = await new Promise<number | null>((resolve) => {
      child.once('close', resolve);
    });
    clearInterval(timer);
    return { code, stderr };
  }

  it('is as good as before at every moment, and can be run again', async () => {
    expect(mapped.count).toBeGreaterThan(3000);
    const file = path.join(folder, 'work.img');
    const random = new SeededRandom(6);
    let middles = 0;
    for (let round = 0; round < 6; round++) {
      run('cp', ['--sparse=never', dense, file]);
      const all = allocatedBytes(file);
      const wanted = random.below(Math.floor((all - mapped.lengthBytes) * 0.7));
      await endAt(file, Math.max(wanted, 4096), 'SIGKILL');
      const left = allocatedBytes(file);
      if (left < all && left > mapped.lengthBytes + MIB) middles++;
      compareImages(dense, file, mapped);
      expect((await scanFileForTest(file)).mapped).toEqual(mapped);
      expect(mapped.subtract(readWritten(file)).isEmpty).toBe(true);
      if (round % 3 !== 0) continue;
      run('e2fsck', ['-fn', file]);
      expect(runBmap(['sparsify', file]).status).toBe(0);
      expect(readWritten(file)).toEqual(mapped);
    }
    expect(middles).toBeGreaterThan(2);
  });

  it('stops at Ctrl-C, says so, and goes on when run again', async () => {
    const file = path.join(folder, 'stopped.img');
    run('cp', ['--sparse=never', dense, file]);
    const all = allocatedBytes(file);
    const { code, stderr } = await endAt(file, MIB, 'SIGINT');
    expect(code).toBe(130);
    expect(stderr).toContain('Run it again');
    expect(allocatedBytes(file)).toBeLessThan(all);
    compareImages(dense, file, mapped);
    expect(runBmap(['sparsify', file]).status).toBe(0);
    expect(readWritten(file)).toEqual(mapped);
  });
});
