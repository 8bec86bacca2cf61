import { expect, it } from 'vitest';

import { probeExt, volumeOf } from '../../../../test/support/ext-images.ts';
import { readFixture } from '../../../../test/support/fixtures.ts';
import { describeWith, requireTools } from '../../../../test/support/requirements.ts';
import { crc32c } from '../../../bytes/crc32c.ts';
import { CorruptError } from '../../../errors/errors.ts';
import { MemoryReader } from '../../../image/memory-reader.ts';

const BLOCK_BYTES = 1024;
const [ADD_RANGE, TAIL] = [1, 8];

describeWith(requireTools('xz'), 'a fast commit', () => {
  it('that gives blocks outside of the filesystem to a file is refused', () => {
    const image = readFixture('ext4-fastcommit');
    expect(faultOf(image)).toBe('none');
    // The filesystem has 24,576 blocks of 1 KiB; block 0 is the boot sector.
    for (const [firstBlock, blockCount] of [
      [24_576, 1],
      [24_570, 7],
      [0, 1],
      [1, 1],
      [5000, 0],
    ] as const) {
      const changed = image.slice();
      changeFirstRange(changed, firstBlock, blockCount);
      expect(faultOf(changed)).toBe('bad-fast-commit');
    }
    changeFirstRange(image, 24_575, 1);
    expect(faultOf(image)).toBe('none');
  });
});

function faultOf(image: Uint8Array): string {
  try {
    probeExt(volumeOf(new MemoryReader(image)));
  } catch (error) {
    if (error instanceof CorruptError) return error.kind;
    throw error;
  }
  return 'none';
}

/** Changes the first range of the first fast commit, and its checksum accordingly. */
function changeFirstRange(image: Uint8Array, firstBlock: number, blockCount: number): void {
  const view = new DataView(image.buffer, image.byteOffset);
  let at = startOfFastCommits(image);
  let checksum = 0;
  let isChanged = false;
  for (;;) {
    const tag = view.getUint16(at, true);
    const length = view.getUint16(at + 2, true);
    if (tag === TAIL) {
      view.setUint32(at + 8, crc32c(checksum, image, at, at + 8), true);
      expect(isChanged).toBe(true);
      return;
    }
    if (tag === ADD_RANGE && !isChanged) {
      view.setUint16(at + 12, blockCount, true);
      view.setUint32(at + 16, firstBlock, true);
      isChanged = true;
    }
    checksum = crc32c(checksum, image, at, at + 4 + length);
    at += 4 + length;
  }
}

/** The journal ends in 256 blocks of fast commits, of which the first is not used. */
function startOfFastCommits(image: Uint8Array): number {
  const { byKind } = probeExt(volumeOf(new MemoryReader(image)));
  const journal = byKind.get('journal')!;
  return journal.at(journal.count - 1).endByte - 255 * BLOCK_BYTES;
}
