import { expect, it } from 'vitest';

import { baseName, listMapCandidates, listSignatureCandidates } from './discovery.ts';

it.each([
  ['disk.img.gz', ['disk.img.gz.bmap', 'disk.img.bmap', 'disk.bmap']],
  ['disk', ['disk.bmap']],
  ['a.d/disk.img', ['a.d/disk.img.bmap', 'a.d/disk.bmap']],
  ['.hidden', ['.hidden.bmap']],
  ['..hidden', ['..hidden.bmap']],
  ['.hidden.img', ['.hidden.img.bmap', '.hidden.bmap']],
  ['disk.', ['disk..bmap', 'disk.bmap']],
  ['-', ['-.bmap']],
  [
    'http://u:p@h/i.wic.gz?x=1.2#f.g',
    [
      'http://u:p@h/i.wic.gz.bmap?x=1.2#f.g',
      'http://u:p@h/i.wic.bmap?x=1.2#f.g',
      'http://u:p@h/i.bmap?x=1.2#f.g',
    ],
  ],
  ['what?.img', ['what?.img.bmap', 'what?.bmap']],
])('looks for the map of %s', (image, candidates) => {
  expect(listMapCandidates(image)).toEqual(candidates);
});

it('looks for a signature as .asc, then as .sig', () => {
  expect(listSignatureCandidates('a/disk.bmap')).toEqual(['a/disk.bmap.asc', 'a/disk.bmap.sig']);
  expect(listSignatureCandidates('https://h/d.bmap?k=v')).toEqual([
    'https://h/d.bmap.asc?k=v',
    'https://h/d.bmap.sig?k=v',
  ]);
});

it('names an address by the last part of its path', () => {
  expect(baseName('https://user:secret@host/dir/disk.img?token=1')).toBe('disk.img');
  expect(baseName('dir/disk.img')).toBe('disk.img');
});
