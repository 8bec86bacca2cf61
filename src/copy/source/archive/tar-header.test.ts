import { describe, expect, it } from 'vitest';

import { parseTarNumber, startsLikeTar } from './tar-header.ts';

describe('parseTarNumber', () => {
  it.each([
    ['00000001750\0', 1000],
    ['       1750 ', 1000],
    ['77777777777\0', 8 * 2 ** 30 - 1],
    ['\x80\0\0\0\0\0\0\x02\0\0\0\0', 8 * 2 ** 30],
  ])('%j', (text, expected) => {
    expect(parseTarNumber(Buffer.from(text, 'latin1'))).toBe(expected);
  });

  it.each([
    '\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff',
    '0000008',
    '',
    '-1',
    '12 34',
    '\x80\x01\0\0\0\0\0\0\0\0\0\0',
  ])('refuses %j', (text) => {
    expect(parseTarNumber(Buffer.from(text, 'latin1'))).toBeUndefined();
  });
});

describe('startsLikeTar', () => {
  it('does not take zeros, noise or a boot sector for an archive', () => {
    expect(startsLikeTar(Buffer.alloc(4096))).toBe(false);
    expect(startsLikeTar(Buffer.alloc(4096, 0xff))).toBe(false);
    expect(startsLikeTar(Buffer.alloc(4096, '0'))).toBe(false);
    expect(startsLikeTar(Buffer.alloc(100))).toBe(false);
  });
});
