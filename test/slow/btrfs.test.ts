/**
 * Wide sweeps over btrfs: random mkfs options with random histories, judged by the kernel; long mutation;
 * and what a filesystem of many extents costs.
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

import { FileReader } from '../../src/image/file-reader.ts';
import { MemoryReader } from '../../src/image/memory-reader.ts';
import { RangeSet } from '../../src/ranges/range-set.ts';
import { decideMapping, surveyImage } from '../../src/scan/scan-image.ts';
import { EditableBtrfs } from '../support/btrfs-edit.ts';
import {
  fillWithFiles,
  judgeImage,
  makeEmptyImage,
  makePowerCut,
  MIB,
  noise,
  withBtrfs,
  withDevices,
  writeAndSync,
  type BtrfsImage,
} from '../support/btrfs-image.ts';
import { runBtrfs, tryBtrfs } from '../support/btrfs-tool.ts';
import { readFixture, readFixtureFacts } from '../support/fixtures.ts';
import { SeededRandom } from '../support/random.ts';
import { describeWith, requireRoot, requireTools } from '../support/requirements.ts';
import { run, tryRun } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

const HISTORIES = 60;
const MUTATIONS = 60_000;
const needs = [
  ...requireRoot(),
  ...requireTools('mkfs.btrfs', 'btrfs', 'mount', 'losetup', 'sfdisk'),
];

describeWith(needs, 'random btrfs histories', () => {
  it.each(Array.from({ length: HISTORIES }, (_, seed) => seed))('history %i', async (seed) => {
    const { isParity, hasLog, make } = planHistory(seed);
    const image = hasLog ? makePowerCut(make) : make();
    const { report } = await judgeImage(image, { isParity, hasLog });
    const codes = report.findings.map(({ code }) => code);
    expect(codes).toEqual(hasLog ? ['btrfs.log-tree'] : []);
  });
});

describeWith(requireTools('xz'), 'a mutated btrfs image, at length', () => {
  it('frees no used byte when what a checksum covers is damaged', () => {
    const bytes = readFixture('btrfs-treelog');
    const facts = readFixtureFacts('btrfs-treelog');
    const ranges = facts.reference_used.map(([startByte, endByte]) => ({ startByte, endByte }));
    const reference = RangeSet.of(...ranges);
    const image = new EditableBtrfs(bytes);
    const nodes = image.nodes(reference);
    const random = new SeededRandom(99);
    for (let round = 0; round < MUTATIONS; round++) {
      const changes = Array.from({ length: 1 + random.below(3) }, () => {
        const at = random.pick(nodes).startByte + random.below(image.superblock.nodeSize);
        return { at, before: bytes[at]! };
      });
      for (const { at } of changes) bytes[at]! ^= 1 + random.below(255);
      const freed = reference.subtract(image.scan().used).lengthBytes;
      expect({ round, freed }).toEqual({ round, freed: 0 });
      for (const { at, before } of changes.toReversed()) bytes[at] = before;
    }
  });
});

const SPREAD = [
  ['raid0', 3],
  ['raid1', 2],
  ['raid1c3', 3],
  ['raid10', 4],
  ['raid5', 3],
  ['raid6', 4],
] as const;
const DAMAGES = 400;

describeWith(needs, 'damage on one of several devices', () => {
  it.each(SPREAD)('frees no used byte of %s', async (profile, count) => {
    const random = new SeededRandom(count);
    const sizes = Array.from({ length: count }, () => 200 * MIB);
    const image = makeEmptyImage(path.join(makeScratchFolder(), 'image'), sizes);
    withDevices(image, {}, (devices) => {
      run('mkfs.btrfs', ['--quiet', '-d', profile, '-m', profile, ...devices]);
      withBtrfs(devices, {}, (folder) => fillWithFiles(folder));
    });
    const bytes = new Uint8Array(readFileSync(image.file));
    const scan = async () => decideMapping(await surveyImage(new MemoryReader(bytes)));
    const reference = await scan();
    const { used } = reference.volumes[1]!.claims[0]!;
    const structures = (['superblock', 'chunk-tree', 'metadata'] as const).map((kind) =>
      used.get(kind)!,
    );
    for (let round = 0; round < DAMAGES; round++) {
      const ranges = [...random.pick(structures)];
      const { startByte, endByte } = random.pick(ranges);
      const at = startByte + random.below(endByte - startByte);
      const length = Math.min(1 + random.below(40_000), bytes.length - at);
      const before = bytes.slice(at, at + length);
      bytes.set(random.bytes(length), at);
      const freed = reference.mapped.subtract((await scan()).mapped).lengthBytes;
      expect({ round, at, length, freed }).toEqual({ round, at, length, freed: 0 });
      bytes.set(before, at);
    }
  });
});

describeWith(needs, 'the cost of many extents', () => {
  it('is one read of the trees that record allocation, and run lists', async () => {
    const image = makeEmptyImage(path.join(makeScratchFolder(), 'image'), [8192 * MIB]);
    let treeBytes = 0;
    withDevices(image, {}, (devices) => {
      run('mkfs.btrfs', ['--quiet', ...devices]);
      withBtrfs(devices, { options: 'nodatasum,max_inline=0' }, (folder) => {
        for (let index = 0; index < 4; index++) writeScattered(path.join(folder, `f${index}`));
      });
      const stats = runBtrfs(['inspect-internal', 'tree-stats', '-b', devices[0]!]);
      treeBytes = Number(/extent tree\s+Total size: (\d+)/.exec(stats)?.[1]);
    });
    expect(treeBytes).toBeGreaterThan(10 * MIB);
    const reader = new FileReader(image.file);
    const report = decideMapping(await surveyImage(reader));
    reader.close();
    expect(report.findings).toEqual([]);
    expect(reader.cost.bytesRead).toBeLessThan(treeBytes * 1.1 + MIB);
    expect(reader.cost.reads).toBeLessThan(treeBytes / 16384);
    expect(process.resourceUsage().maxRSS / 1024).toBeLessThan(600);
  });
});

interface History {
  readonly make: () => BtrfsImage;
  readonly isParity: boolean;
  readonly hasLog: boolean;
}

function planHistory(seed: number): History {
  const random = new SeededRandom(seed);
  const [profile, count] = random.pick([
    ['single', 1],
    ['dup', 1],
    ['single', 2],
    ['raid0', 2],
    ['raid1', 2],
    ['raid1c3', 3],
    ['raid10', 4],
    ['raid5', 3],
    ['raid6', 4],
  ] as const);
  const nodeSize = random.pick(['4096', '16384', '65536']);
  const csum = random.pick(['crc32c', 'xxhash', 'sha256', 'blake2']);
  const features = random.pick([
    [],
    ['-R', '^free-space-tree'],
    ['-O', '^no-holes'],
    ['-O', '^skinny-metadata'],
  ]);
  const options = random.pick(['', 'compress-force=zstd', 'nodatacow', 'autodefrag']);
  const hasLog = random.oneIn(2);
  const make = (): BtrfsImage => {
    const sizes = Array.from({ length: count }, () => 300 * MIB);
    const image = makeEmptyImage(path.join(makeScratchFolder(), 'image'), sizes);
    const cut = { ...image, file: `${image.file}.cut` };
    withDevices(image, {}, (devices) => {
      const layout = ['-d', profile, '-m', profile, '-n', nodeSize, '--csum', csum];
      run('mkfs.btrfs', ['--quiet', ...layout, ...features, ...devices]);
      const mount = ['commit=300', ...(options === '' ? [] : [options])].join(',');
      withBtrfs(devices, { options: mount }, (folder) => {
        for (let step = 3 + random.below(6); step > 0; step--) takeStep(folder, step, random);
        run('sync', ['-f', folder]);
        if (hasLog) {
          for (let index = random.below(30); index >= 0; index--) {
            const bytes = noise(index, 1 + random.below(200_000));
            writeAndSync(path.join(folder, `synced-${index}`), bytes, random.below(3) * 65_536);
          }
          run('cp', ['--sparse=always', image.file, cut.file]);
        }
      });
    });
    return hasLog ? cut : image;
  };
  return { make, isParity: /raid[56]/.test(profile), hasLog };
}

function takeStep(folder: string, step: number, random: SeededRandom): void {
  const at = (name: string) => path.join(folder, `${name}-${step}`);
  switch (random.below(6)) {
    case 0:
      return fillWithFiles(folder, step, 30 + random.below(150));
    case 1:
      runBtrfs(['subvolume', 'create', at('sub')]);
      return fillWithFiles(at('sub'), step, 60);
    case 2:
      return void runBtrfs(['subvolume', 'snapshot', folder, at('snapshot')]);
    case 3:
      // Ends half-way where room is short, which is a state like any other.
      return void tryBtrfs(['balance', 'start', '--full-balance', folder]);
    case 4: {
      const name = random.pick(['', ...readdirSync(folder)]);
      const isSubvolume = /^(sub|snapshot)-/.test(name);
      if (isSubvolume) runBtrfs(['subvolume', 'delete', path.join(folder, name)]);
      else if (name !== '') rmSync(path.join(folder, name), { recursive: true });
      return;
    }
    default:
      mkdirSync(at('folder'));
      tryRun('fallocate', ['-l', `${1 + random.below(9)}MiB`, path.join(at('folder'), 'room')]);
  }
}

/** 60,000 extents of one sector, none beside the next of the same file. */
function writeScattered(file: string): void {
  const sector = noise(1, 4096);
  const descriptor = openSync(file, 'w');
  for (let index = 0; index < 60_000; index++) {
    writeSync(descriptor, sector, 0, sector.length, index * 8192);
  }
  fsyncSync(descriptor);
  closeSync(descriptor);
}
