/** Whoever builds the same sources with the same Node gets the same bytes, to compare with a release. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';

import { itWith } from '../support/requirements.ts';
import { makeScratchFolder } from '../support/scratch.ts';
import { buildStandalone, requireStandalone } from '../support/standalone.ts';

itWith(requireStandalone(), 'the self-contained build is the same to the byte', () => {
  const digests = [0o022, 0o077].map((mask) => {
    const before = process.umask(mask);
    try {
      const archive = buildStandalone(makeScratchFolder());
      return createHash('sha256').update(readFileSync(archive)).digest('hex');
    } finally {
      process.umask(before);
    }
  });
  expect(digests[1]).toBe(digests[0]);
});
