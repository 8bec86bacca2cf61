/**
 * Hundreds of random sets of mke2fs options: for each filesystem the map must be exactly what dumpe2fs
 * lists, block for block, and nothing may be found wrong with it.
 */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

import {
  freeByDumpe2fs,
  makeSparseFile,
  probeExtFile,
  randomGeometry,
} from '../support/ext-images.ts';
import { populate } from '../support/ext-judges.ts';
import { describeWith, requireTools } from '../support/requirements.ts';
import { tryRun } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

const SEED_COUNT = 600;
/** mke2fs refuses some combinations; if it refused most of them, the sweep would prove little. */
const MIN_ACCEPTED = 300;

describeWith(requireTools('mke2fs', 'dumpe2fs'), 'ext filesystems with random features', () => {
  it('are read as dumpe2fs reads them', () => {
    const content = makeScratchFolder();
    populate(content, 1, 30);
    const image = path.join(makeScratchFolder(), 'image');
    let accepted = 0;
    for (let seed = 0; seed < SEED_COUNT; seed++) {
      const { sizeBytes, options } = randomGeometry(seed);
      rmSync(image, { force: true });
      makeSparseFile(image, sizeBytes);
      const made = tryRun('mke2fs', ['-q', '-F', ...options.split(' '), '-d', content, image]);
      if (made.status !== 0) continue;
      accepted++;
      const { used, claim, findings } = probeExtFile(image);
      expect(findings, `seed ${seed}: ${options}`).toEqual([]);
      const free = used.complementWithin(0, claim.lengthBytes);
      expect([...free], `seed ${seed}: ${options}`).toEqual([...freeByDumpe2fs(image)]);
    }
    expect(accepted).toBeGreaterThan(MIN_ACCEPTED);
  });
});
