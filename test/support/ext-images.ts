/** Makes ext filesystems without root, and asks e2fsprogs what it thinks of them. */
import { truncateSync, writeFileSync } from 'node:fs';

import type { Finding } from '../../src/errors/finding.ts';
import { extProbe } from '../../src/fs-probes/ext/ext-probe.ts';
import type { Claim, ExtentKind, FsFacts, Volume } from '../../src/fs-probes/fs-probe.ts';
import { FileReader } from '../../src/image/file-reader.ts';
import type { ImageReader } from '../../src/image/image-reader.ts';
import { RangeSet, RangeSetBuilder } from '../../src/ranges/range-set.ts';
import { SeededRandom } from './random.ts';
import { run } from './run.ts';

export interface ProbedExt {
  readonly claim: Claim;
  readonly facts: FsFacts;
  readonly findings: readonly Finding[];
  readonly byKind: ReadonlyMap<ExtentKind, RangeSet>;
  /** Everything that is not left out, in bytes, not rounded. */
  readonly used: RangeSet;
}

/** A volume that is the whole of `reader`. */
export function volumeOf(reader: ImageReader): Volume {
  return { index: 0, name: 'image', startByte: 0, reader };
}

/**
 * Runs the probe over one volume, as the driver does.
 * @throws {CorruptError | UnsupportedError} as the probe does.
 */
export function probeExt(
  volume: Volume,
  options: { readonly lean?: boolean; readonly volumes?: readonly Volume[] } = {},
): ProbedExt {
  const claim = extProbe.identify(volume);
  if (claim === undefined) throw new Error('no ext filesystem was found');
  const builders = new Map<ExtentKind, RangeSetBuilder>();
  const findings: Finding[] = [];
  const sink = {
    use: (where: Volume, kind: ExtentKind, startByte: number, endByte: number): void => {
      if (where !== volume || endByte > volume.reader.sizeBytes) throw new Error('outside');
      const builder = builders.get(kind) ?? new RangeSetBuilder();
      builders.set(kind, builder);
      builder.add(startByte, endByte);
    },
    report: (finding: Finding): void => void findings.push(finding),
  };
  const facts = extProbe.scan([claim], options.volumes ?? [volume], sink, {
    lean: options.lean ?? false,
  });
  const byKind = new Map([...builders].map(([kind, builder]) => [kind, builder.build()]));
  const used = [...byKind.values()].reduce((all, set) => all.union(set), RangeSet.empty);
  return { claim, facts, findings, byKind, used };
}

/** Runs the probe over a file that holds nothing but the filesystem. */
export function probeExtFile(file: string, options: { readonly lean?: boolean } = {}): ProbedExt {
  const reader = new FileReader(file);
  try {
    return probeExt(volumeOf(reader), options);
  } finally {
    reader.close();
  }
}

/** An empty file of the size, holes only. */
export function makeSparseFile(file: string, sizeBytes: number): void {
  writeFileSync(file, '');
  truncateSync(file, sizeBytes);
}

/** What dumpe2fs lists as free, in bytes. With bigalloc it names the first block of each cluster. */
export function freeByDumpe2fs(file: string): RangeSet {
  const text = run('dumpe2fs', [file]);
  const number = (title: string): number | undefined => {
    const match = new RegExp(`^${title}: +(\\d+)$`, 'm').exec(text);
    return match === null ? undefined : Number(match[1]);
  };
  const blockBytes = number('Block size')!;
  const unitBytes = number('Cluster size') ?? blockBytes;
  const endByte = number('Block count')! * blockBytes;
  const builder = new RangeSetBuilder();
  for (const [, list] of text.matchAll(/^ +Free blocks: (.*)$/gm)) {
    for (const item of list!.split(', ').filter((part) => part !== '')) {
      const [first, last = first] = item.split('-').map(Number);
      builder.add(first! * blockBytes, Math.min(last! * blockBytes + unitBytes, endByte));
    }
  }
  return builder.build();
}

export interface ExtGeometry {
  readonly sizeBytes: number;
  /** As given to mke2fs, separated by spaces. */
  readonly options: string;
}

/** Sets of features and sizes that nobody would think of. Not all of them please mke2fs. */
export function randomGeometry(seed: number): ExtGeometry {
  const random = new SeededRandom(seed);
  const blockBytes = random.pick([1024, 1024, 2048, 4096]);
  const isBigalloc = random.oneIn(5);
  const features = ['64bit', 'flex_bg', 'metadata_csum', 'huge_file', 'dir_index', 'uninit_bg']
    .concat(['has_journal', 'orphan_file', 'quota', 'extra_isize', 'ext_attr', 'fast_commit'])
    .map((name) => (random.oneIn(3) ? `^${name}` : name));
  const copies = random.pick(['sparse_super', 'sparse_super', 'sparse_super2', '^sparse_super']);
  const growth = random.pick(['meta_bg,^resize_inode', '^meta_bg,^resize_inode', 'sparse_super']);
  const clusterBytes = blockBytes * random.pick([2, 4, 16, 64]);
  const blocksPerGroup = isBigalloc
    ? blockBytes * random.pick([4, 8])
    : random.pick([256, 512, 1024, 4096, 8192]);
  const options = [
    `-t ext4 -b ${blockBytes} -g ${blocksPerGroup} -I ${random.pick([128, 256, 512])}`,
    `-O extent,${[...features, copies, growth].join(',')}${isBigalloc ? ',bigalloc' : ''}`,
    `-i ${random.pick([2048, 8192, 32768])}`,
    ...(isBigalloc ? [`-C ${clusterBytes}`] : []),
    ...(features.includes('flex_bg') ? [`-G ${random.pick([1, 4, 32, 128])}`] : []),
    `-m ${random.below(6)} -J size=4`,
  ];
  const sizeBytes = blockBytes * (20_000 + random.below(30_000)) + 512 * random.below(8);
  return { sizeBytes, options: options.join(' ') };
}
