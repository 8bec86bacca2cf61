import { describe, expect, it } from 'vitest';

import { judgeName, looksLikeText } from './image-name.ts';

describe('judgeName', () => {
  it.each([
    ['image', ['disk.img', 'a/b/DISK.IMG', 'x.wic', 'x.rpi-sdimg', 'core-image.ext4', 'x.y.iso']],
    [
      'other',
      [
        ['disk.bmap', 'disk.img.bmap', 'disk.img.asc', 'disk.sig', 'disk.img.sha256', 'x.md5'],
        ['SHA256SUMS', 'md5sums', 'b2sums', 'checksums', 'README', 'a/LICENSE', 'x.json'],
        ['__MACOSX/disk.img', '._disk.img', '.DS_Store', 'x.manifest'],
      ].flat(),
    ],
    ['unknown', ['disk', 'a.img/disk', 'disk.v1', '.hidden', '']],
  ] satisfies [string, string[]][])('%s', (judgement, names) => {
    for (const name of names) expect([name, judgeName(name)]).toEqual([name, judgement]);
  });
});

describe('looksLikeText', () => {
  it('takes texts, cut in a character as well, for texts', () => {
    for (const text of ['', 'one\ntwo\r\n\tthree', 'Grüße', '\u001b[1mbold']) {
      expect(looksLikeText(Buffer.from(text))).toBe(true);
    }
    expect(looksLikeText(Buffer.from('Grü').subarray(0, 3))).toBe(true);
  });

  it('takes nothing else for a text', () => {
    expect(looksLikeText(Buffer.from('text\0'))).toBe(false);
    expect(looksLikeText(Buffer.from([0x41, 0xff, 0x41]))).toBe(false);
    expect(looksLikeText(Buffer.alloc(4096))).toBe(false);
  });
});
