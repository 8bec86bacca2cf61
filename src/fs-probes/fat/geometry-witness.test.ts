import { describe, expect, it } from 'vitest';

import { encodeInto } from '../../bytes/layout.ts';
import {
  clustersOf,
  corruptKind,
  makeFatImage,
  makeSubdirectory,
  setDirectoryEntry,
  setEntries,
  type FatImage,
} from '../../../test/support/fat-image.ts';
import { biosParameterLayout } from './boot-sector.ts';

/** A file of three clusters, one of one, and a subdirectory; four sectors a cluster. */
function filledImage(): FatImage {
  const image = makeFatImage({ bits: 16, clusterCount: 5000, sectorsPerCluster: 4 });
  const { rootStartByte } = image;
  setEntries(image, { 2: 3, 3: 4, 4: 0xffff, 5: 0xffff, 6: 0xffff });
  const file = { name: 'A          ', attributes: 0x20 };
  setDirectoryEntry(image, rootStartByte, 0, { ...file, firstCluster: 2, sizeBytes: 5000 });
  setDirectoryEntry(image, rootStartByte, 1, { ...file, firstCluster: 5, sizeBytes: 10 });
  setDirectoryEntry(image, rootStartByte, 2, { ...file, attributes: 0x10, firstCluster: 6 });
  makeSubdirectory(image, 6);
  return image;
}

describe('the layout of FAT12 and FAT16, which have no backup of the boot sector', () => {
  it('is believed when the files agree with it', () => {
    expect(clustersOf(filledImage())).toEqual([2, 3, 4, 5, 6]);
  });

  it.each([
    ['smaller clusters', { BPB_SecPerClus: 2 }],
    ['larger clusters', { BPB_SecPerClus: 8 }],
    ['a larger root directory', { BPB_RootEntCnt: 528 }],
    ['one copy of the table less', { BPB_NumFATs: 1 }],
    ['fewer sectors, so that it becomes FAT12', { BPB_TotSec16: 4000 }],
  ])('is not believed with %s', (_, change) => {
    const image = filledImage();
    encodeInto(biosParameterLayout, image.bytes, change);
    expect(corruptKind(image)).toBe('geometry');
  });

  it('is doubted if files only have more clusters than they need, but for one that fits', () => {
    const image = filledImage();
    image.bytes.fill(0, image.rootStartByte + 2 * 32, image.rootStartByte + 3 * 32);
    const shortened = new DataView(image.bytes.buffer, image.rootStartByte, 32);
    shortened.setUint32(28, 3000, true);
    expect(corruptKind(image)).toBe('geometry');
    setEntries(image, { 10: 11, 11: 0xffff });
    const fitting = { name: 'B          ', attributes: 0x20, firstCluster: 10, sizeBytes: 4096 };
    setDirectoryEntry(image, image.rootStartByte, 2, fitting);
    expect(clustersOf(image)).toEqual([2, 3, 4, 5, 6, 10, 11]);
  });

  it('is not judged by chains where the copies of the table differ', () => {
    const image = filledImage();
    setEntries(image, { 3: 0 }, 0);
    expect(clustersOf(image)).toEqual([2, 3, 4, 5, 6]);
    setEntries(image, { 3: 0 }, 1);
    expect(corruptKind(image)).toBe('geometry');
  });
});
