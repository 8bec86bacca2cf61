import { describe, expect, it } from 'vitest';

import { CorruptError } from '../errors/errors.ts';
import { crc32c } from './crc32c.ts';
import { formatGuid, formatUuid } from './guid.ts';
import { joinHalves, toSafeNumber } from './safe-number.ts';
import { hasAscii, isAllZero, readText } from './text.ts';

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('crc32c', () => {
  // RFC 3720, appendix B.4, and the customary check value; inverted at the end, as iSCSI does.
  it.each([
    [ascii('123456789'), 0xe3069283],
    [new Uint8Array(32), 0x8a9136aa],
    [new Uint8Array(32).fill(0xff), 0x62a8ab43],
    [Uint8Array.from({ length: 32 }, (_, index) => index), 0x46dd794e],
  ])('of %o is %d', (bytes, expected) => {
    expect(~crc32c(0xffffffff, bytes) >>> 0).toBe(expected);
  });

  it('goes on where it stopped', () => {
    const bytes = Uint8Array.from({ length: 100 }, (_, index) => index * 7);
    for (let cut = 0; cut <= 100; cut++) {
      const first = crc32c(0xffffffff, bytes, 0, cut);
      expect(crc32c(first, bytes, cut)).toBe(crc32c(0xffffffff, bytes));
    }
  });
});

describe('text', () => {
  it('ends at the first zero', () => {
    expect(readText(ascii('root\0junk'))).toBe('root');
    expect(readText(ascii('full'))).toBe('full');
    expect(readText(Uint8Array.of(0xff, 0x41))).toBe('\ufffdA');
  });

  it('finds a mark only where it is whole', () => {
    expect(hasAscii(ascii('xxEFI PART'), 2, 'EFI PART')).toBe(true);
    expect(hasAscii(ascii('xxEFI PAR'), 2, 'EFI PART')).toBe(false);
  });

  it.each([0, 1, 7, 4096, 65535, 65536, 65537, 200_000])(
    'knows zeros from data in %d bytes',
    (length) => {
      const bytes = new Uint8Array(length + 1).subarray(1);
      expect(isAllZero(bytes)).toBe(true);
      for (const at of [0, Math.floor(length / 2), length - 1].filter(
        (index) => index >= 0 && index < length,
      )) {
        bytes[at] = 1;
        expect(isAllZero(bytes)).toBe(false);
        bytes[at] = 0;
      }
    },
  );
});

describe('numbers and names', () => {
  it('refuses what JavaScript cannot count', () => {
    const place = { structure: 'test', startByte: 8 };
    expect(toSafeNumber(2n ** 53n - 1n, 'size', place)).toBe(2 ** 53 - 1);
    expect(() => toSafeNumber(2n ** 53n, 'size', place)).toThrow(CorruptError);
    expect(joinHalves(0xffffffff, 0xffffffff)).toBe(2n ** 64n - 1n);
  });

  it('prints identifiers in the order of their kind', () => {
    const bytes = Uint8Array.from({ length: 16 }, (_, index) => index);
    expect(formatGuid(bytes)).toBe('03020100-0504-0706-0809-0A0B0C0D0E0F');
    expect(formatUuid(bytes)).toBe('00010203-0405-0607-0809-0a0b0c0d0e0f');
  });
});
