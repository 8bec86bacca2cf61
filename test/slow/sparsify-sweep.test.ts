/**
 * Random ext filesystems, the free space of each full of junk: sparsified, they must be what they were,
 * and a map of each must lose nothing and leave out all it can.
 */
import { readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

import { checkBmap } from '../../src/check/check-bmap.ts';
import { parseBmap } from '../../src/bmap/parse-bmap.ts';
import { sparsifyImage } from '../../src/sparsify/sparsify-image.ts';
import { makeSparseFile, randomGeometry } from '../support/ext-images.ts';
import { checkExt, populate, treeByDebugfs } from '../support/ext-judges.ts';
import { makePoisonedCopy, scanFileForTest } from '../support/poison.ts';
import { describeWith, requireTools } from '../support/requirements.ts';
import { run, runBmap, tryRun } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

const SEED_COUNT = 150;
/** mke2fs refuses some combinations; if it refused most of them, the sweep would prove little. */
const MIN_ACCEPTED = 75;
const NEEDS = requireTools('mke2fs', 'e2fsck', 'debugfs');

describeWith(NEEDS, 'sparsify and check of ext filesystems with random features', () => {
  it('lose nothing', async () => {
    const content = makeScratchFolder();
    populate(content, 1, 30);
    const folder = makeScratchFolder();
    const [image, junk, map] = ['image', 'junk', 'map'].map((name) => path.join(folder, name));
    let accepted = 0;
    for (let seed = 0; seed < SEED_COUNT; seed++) {
      const { sizeBytes, options } = randomGeometry(seed);
      const title = `seed ${seed}: ${options}`;
      for (const file of [image!, junk!]) rmSync(file, { force: true });
      makeSparseFile(image!, sizeBytes);
      const made = tryRun('mke2fs', ['-q', '-F', ...options.split(' '), '-d', content, image!]);
      if (made.status !== 0) continue;
      accepted++;
      const { mapped } = await scanFileForTest(image!);
      makePoisonedCopy(image!, mapped, junk!);
      const judge = () => [checkExt(junk!), ...treeByDebugfs(junk!)];
      const before = judge();
      const { unusedBytes } = await sparsifyImage(junk!);
      expect(unusedBytes, title).toBe(sizeBytes - mapped.lengthBytes);
      expect(statSync(junk!).size).toBe(sizeBytes);
      expect((await scanFileForTest(junk!)).mapped, title).toEqual(mapped);
      expect(judge(), title).toEqual(before);
      // What is used is the same, and what is not is zero, as it was before the junk.
      run('cmp', [image!, junk!]);
      expect(runBmap(['scan', '-q', '-o', map!, junk!]).status).toBe(0);
      const { lost, doubtful, surplus, mismatches } = await checkBmap(
        junk!,
        parseBmap(readFileSync(map!)),
      );
      expect([lost, doubtful, surplus, mismatches], title).toEqual([[], [], [], []]);
    }
    expect(accepted).toBeGreaterThan(MIN_ACCEPTED);
  });
});
