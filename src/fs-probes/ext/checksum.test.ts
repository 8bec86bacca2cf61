import { expect, it } from 'vitest';

import { crc16, crc32BigEndian, littleEndian32 } from './checksum.ts';

const digits = new TextEncoder().encode('123456789');

// Check values of the CRC catalogue (reveng): the sums of the text "123456789".
it('computes CRC-16/MODBUS, the CRC of group descriptors', () => {
  expect(crc16(0xffff, digits)).toBe(0x4b37);
});

it('computes CRC-32/MPEG-2, the CRC of version 1 journal checksums', () => {
  expect(crc32BigEndian(0xffffffff, digits)).toBe(0x0376e6e7);
});

it('can be computed in pieces', () => {
  const [first, second] = [digits.subarray(0, 4), digits.subarray(4)];
  expect(crc16(crc16(0xffff, first), second)).toBe(0x4b37);
  expect(crc32BigEndian(crc32BigEndian(0xffffffff, first), second)).toBe(0x0376e6e7);
});

it('takes numbers apart above 2^31', () => {
  expect([...littleEndian32(0xfedcba98)]).toEqual([0x98, 0xba, 0xdc, 0xfe]);
});
