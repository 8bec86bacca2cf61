/** Makes ext filesystems without root, and asks e2fsprogs what it thinks of them. */
import { truncateSync, writeFileSync } from 'node:fs';

import type { Finding } from '../../src/errors/finding.ts';
import { extProbe } from '../../src/fs-probes/ext/ext-probe.ts';
import type { Claim, ExtentKind, FsFacts, Volume } from '../../src/fs-probes/fs-probe.ts';
import { FileReader } from '../../src/image/file-reader.ts';
import type { ImageReader } from '../../src/image/image-reader.ts';
import { RangeSet, RangeSetBuilder } from '../../src/ranges/range-set.ts';
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

/** What dumpe2fs lists as free, in bytes. Not right with bigalloc, where it cuts the last cluster. */
export function freeByDumpe2fs(file: string): RangeSet {
  const text = run('dumpe2fs', [file]);
  const blockBytes = Number(/^Block size: +(\d+)$/m.exec(text)![1]);
  const builder = new RangeSetBuilder();
  for (const [, list] of text.matchAll(/^ +Free blocks: (.*)$/gm)) {
    for (const item of list!.split(', ').filter((part) => part !== '')) {
      const [first, last = first] = item.split('-').map(Number);
      builder.add(first! * blockBytes, (last! + 1) * blockBytes);
    }
  }
  return builder.build();
}
