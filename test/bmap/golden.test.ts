/** One map of each version of the format: read, proven against its image, and rewritten. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, it } from 'vitest';

import { toByteRange, toByteRanges } from '../../src/bmap/bmap.ts';
import { formatBmap } from '../../src/bmap/format-bmap.ts';
import { parseBmap } from '../../src/bmap/parse-bmap.ts';
import {
  formatGoldenMap,
  makeGoldenImage,
  type GoldenVersion,
} from '../../test-images/recipes/bmaps.ts';
import { describeWith, requireTools } from '../support/requirements.ts';
import { run } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

const versions: readonly [version: GoldenVersion, checksumType: string][] = [
  ['1.2', 'sha1'],
  ['1.3', 'sha1'],
  ['1.4', 'sha256'],
  ['2.0', 'sha256'],
];

const fileOf = (version: GoldenVersion) => path.resolve(`test-images/bmaps/${version}.bmap`);
const read = (version: GoldenVersion) => parseBmap(readFileSync(fileOf(version)), version);

describe.each(versions)('version %s', (version, checksumType) => {
  it('is what the recipe makes', async () => {
    await expect(formatGoldenMap(version)).toMatchFileSnapshot(fileOf(version));
  });

  it('is understood', () => {
    expect(read(version)).toMatchObject({
      version,
      imageSizeBytes: 20_481,
      blockSizeBytes: 4096,
      blockCount: 6,
      mappedBlockCount: 4,
      checksumType,
      ranges: [
        { firstBlock: 0, lastBlock: 1 },
        { firstBlock: 3, lastBlock: 3 },
        { firstBlock: 5, lastBlock: 5 },
      ],
    });
  });

  it('has the checksums of its image', () => {
    const image = makeGoldenImage();
    const bmap = read(version);
    for (const range of bmap.ranges) {
      const { startByte, endByte } = toByteRange(bmap, range);
      const hash = createHash(checksumType).update(image.subarray(startByte, endByte));
      expect(range.checksum).toBe(hash.digest('hex'));
    }
    expect(toByteRanges(bmap).lengthBytes).toBe(3 * 4096 + 1);
  });

  it('keeps its content as version 2.0', () => {
    const bmap = read(version);
    expect(parseBmap(formatBmap(bmap))).toEqual({ ...bmap, version: '2.0' });
  });
});

describeWith(requireTools('bmaptool'), 'bmaptool', () => {
  it.each(versions)('copies by %s, and by what it becomes as version 2.0', (version) => {
    const folder = makeScratchFolder();
    const image = path.join(folder, 'image.raw');
    const rewritten = path.join(folder, 'rewritten.bmap');
    const copy = path.join(folder, 'copy');
    writeFileSync(image, makeGoldenImage());
    writeFileSync(rewritten, formatBmap(read(version)));
    for (const bmap of [fileOf(version), rewritten]) {
      run('bmaptool', ['copy', '--bmap', bmap, image, copy]);
      expect(readFileSync(copy).equals(makeGoldenImage())).toBe(true);
    }
  });
});
