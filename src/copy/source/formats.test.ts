import { describe, expect, it } from 'vitest';

import { hintOf } from './formats.ts';

describe('hintOf', () => {
  it.each([
    ['disk.img', undefined, undefined],
    ['disk.img.gz', 'gzip', undefined],
    ['DISK.WIC.GZ', 'gzip', undefined],
    ['disk.bz2', 'bzip2', undefined],
    ['disk.img.xz', 'xz', undefined],
    ['disk.img.zst', 'zstd', undefined],
    ['disk.img.lz4', 'lz4', undefined],
    ['disk.img.lzo', 'lzop', undefined],
    ['disk.tar', undefined, 'tar'],
    ['disk.tar.gz', 'gzip', 'tar'],
    ['disk.tgz', 'gzip', 'tar'],
    ['disk.tbz2', 'bzip2', 'tar'],
    ['disk.txz', 'xz', 'tar'],
    ['disk.tar.xz', 'xz', 'tar'],
    ['disk.tzst', 'zstd', 'tar'],
    ['disk.tlz4', 'lz4', 'tar'],
    ['disk.zip', undefined, 'zip'],
    ['gz', undefined, undefined],
    ['', undefined, undefined],
  ])('%s', (name, compression, archive) => {
    expect(hintOf(name)).toEqual({ compression, archive });
  });
});
