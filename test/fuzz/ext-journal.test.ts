/**
 * Mutations of dirty journals. Either the filesystem is mapped whole, or everything is mapped that is
 * used before the replay, and everything that is used after e2fsprogs has replayed the same bytes.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

import { CorruptError, UnsupportedError } from '../../src/errors/errors.ts';
import { MemoryReader } from '../../src/image/memory-reader.ts';
import type { RangeSet } from '../../src/ranges/range-set.ts';
import { makeDirtyImage, makeFilesystems } from '../support/dirty-journal.ts';
import { freeByDumpe2fs, probeExt, volumeOf, type ProbedExt } from '../support/ext-images.ts';
import { treeByDebugfs } from '../support/ext-judges.ts';
import { readFixture } from '../support/fixtures.ts';
import { SeededRandom } from '../support/random.ts';
import { describeWith, requireTools } from '../support/requirements.ts';
import { tryRun } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

/** Every round starts programs. For a long run set the variable to some hundreds. */
const ROUNDS = Number(process.env['BMAP_FUZZ_ROUNDS'] ?? '40');
const SIZE_BYTES = 16 * 1024 * 1024;
/** More of the log than the changes take. */
const LOG_BLOCKS = 250;

const FORMATS = [
  { make: '-t ext3 -b 1024', open: '' },
  { make: '-t ext4 -b 1024 -O ^64bit', open: '-c -v 2' },
  { make: '-t ext4 -b 1024', open: '-c -v 3' },
];

const needs = requireTools('mke2fs', 'debugfs', 'dumpe2fs');

describeWith(needs, 'a mutated journal', () => {
  it.each(FORMATS)('never loses a block that a replay uses: $make', ({ make, open }) => {
    const { before, after, image: file } = makeFilesystems(make, SIZE_BYTES);
    makeDirtyImage(before, after, file, { open });
    const image = new Uint8Array(readFileSync(file));
    const usedBefore = usedByDumpe2fs(before);
    const log = probe(image).byKind.get('journal')!.at(0);
    const verdicts = { whole: 0, replayed: 0 };
    mutate(image, log.startByte, 1024, () => {
      const mutated = tryProbe(image);
      verdicts[mutated === undefined ? 'whole' : 'replayed']++;
      if (mutated === undefined) return;
      expect(usedBefore.subtract(mutated.used).isEmpty).toBe(true);
      writeFileSync(file, image);
      const { stderr } = tryRun('debugfs', ['-w', '-R', 'jr', file]);
      // Both give up, or neither: a journal that cannot be replayed cannot be trusted in parts.
      expect(stderr.replace(/^debugfs .*$/m, '').trim()).toBe('');
      expect(usedByDumpe2fs(file).subtract(mutated.used).isEmpty).toBe(true);
    });
    expect(verdicts.replayed).toBeGreaterThan(0);
    // Without checksums nothing but the shape of the log can be wrong.
    expect(verdicts.whole).toBeGreaterThanOrEqual(open === '' ? 0 : 1);
  });
});

describeWith(requireTools('xz', 'e2fsck', 'debugfs'), 'a mutated journal of a power cut', () => {
  it.each(['ext4-dirty', 'ext4-fastcommit'])('never loses a file: %s', (name) => {
    const image = readFixture(name);
    const journal = probe(image).byKind.get('journal')!;
    const endOfJournal = journal.at(journal.count - 1).endByte;
    const verdicts = { whole: 0, replayed: 0 };
    // The log, and the 256 blocks of fast commits behind it.
    for (const startByte of [journal.at(0).startByte, endOfJournal - 255 * 1024]) {
      mutate(image, startByte, 1024, () => {
        const mutated = tryProbe(image);
        verdicts[mutated === undefined ? 'whole' : 'replayed']++;
        if (mutated === undefined || verdicts.replayed > MAX_JUDGED) return;
        expect(treeAfterRepair(poisonedCopy(image, mutated.used))).toEqual(treeAfterRepair(image));
      });
    }
    expect(verdicts.whole).toBeGreaterThan(0);
    expect(verdicts.replayed).toBeGreaterThan(0);
  });
});

/** e2fsck is slow, so only the first that are not mapped whole are judged. */
const MAX_JUDGED = Math.ceil(ROUNDS / 5);

function poisonedCopy(image: Uint8Array, used: RangeSet): Uint8Array {
  const copy = image.slice();
  for (const { startByte, endByte } of used.complementWithin(0, image.length)) {
    copy.fill(0xa5, startByte, endByte);
  }
  return copy;
}

/** All files after e2fsck has replayed what it can, and mended the rest. */
function treeAfterRepair(image: Uint8Array): readonly string[] {
  const file = path.join(makeScratchFolder(), 'image');
  writeFileSync(file, image);
  tryRun('e2fsck', ['-fy', file]);
  return treeByDebugfs(file);
}

/** Changes 1 to 8 bytes of one block of the log, mostly near its start, and puts them back. */
function mutate(image: Uint8Array, logStart: number, blockBytes: number, body: () => void): void {
  for (let seed = 0; seed < ROUNDS; seed++) {
    const random = new SeededRandom(seed);
    const startByte = logStart + blockBytes * random.below(LOG_BLOCKS);
    const lengthBytes = random.oneIn(4) ? blockBytes : 64;
    const before = image.slice(startByte, startByte + lengthBytes);
    for (let count = 1 + random.below(8); count > 0; count--) {
      image[startByte + random.below(lengthBytes)]! ^= 1 << random.below(8);
    }
    body();
    image.set(before, startByte);
  }
}

function probe(image: Uint8Array): ProbedExt {
  return probeExt(volumeOf(new MemoryReader(image)));
}

/** Undefined if the filesystem is mapped whole. Other errors are bugs and get out. */
function tryProbe(image: Uint8Array): ProbedExt | undefined {
  try {
    return probe(image);
  } catch (error) {
    if (error instanceof CorruptError || error instanceof UnsupportedError) return undefined;
    throw error;
  }
}

function usedByDumpe2fs(file: string): RangeSet {
  return freeByDumpe2fs(file).complementWithin(0, SIZE_BYTES);
}
