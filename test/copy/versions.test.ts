/** A copy with a map of each version of the format, of the image as it is and compressed. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

import { expect, it } from 'vitest';

import { toByteRanges } from '../../src/bmap/bmap.ts';
import { parseBmap } from '../../src/bmap/parse-bmap.ts';
import { copyImage } from '../../src/copy/copy-image.ts';
import { makeGoldenImage } from '../../test-images/recipes/bmaps.ts';
import { expectCopied, makeFilledFile } from '../support/copy-fixture.ts';
import { makeScratchFolder } from '../support/scratch.ts';

it.each(['1.2', '1.3', '1.4', '2.0'])('version %s', async (version) => {
  const bmap = path.resolve(`test-images/bmaps/${version}.bmap`);
  const mapped = toByteRanges(parseBmap(readFileSync(bmap)));
  const bytes = Buffer.from(makeGoldenImage());
  const folder = makeScratchFolder();
  const image = path.join(folder, 'disk.img');
  writeFileSync(image, bytes);
  writeFileSync(`${image}.gz`, gzipSync(bytes));
  for (const source of [image, `${image}.gz`]) {
    const target = makeFilledFile(folder, 50_000, 0xff);
    await copyImage({ image: source, targets: [target], bmap });
    expectCopied(target, { bytes, mapped }, 0);
    // The checksums of the map are those of the image, and they are looked at.
    const other = path.join(folder, path.basename(source).replace('disk', 'other'));
    const changed = Buffer.from(bytes);
    const { startByte } = mapped.at(mapped.count - 1);
    changed[startByte] = changed[startByte]! ^ 1;
    writeFileSync(other, source === image ? changed : gzipSync(changed));
    await expect(copyImage({ image: other, targets: [target], bmap })).rejects.toMatchObject({
      kind: 'range-checksum',
    });
  }
});
