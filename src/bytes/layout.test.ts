import { describe, expect, it } from 'vitest';

import {
  byteRun,
  decode,
  encodeInto,
  layout,
  u16be,
  u16le,
  u32be,
  u32le,
  u64be,
  u64le,
  u8,
} from './layout.ts';

const everything = layout('everything', 32, {
  small: u8(0),
  le16: u16le(1),
  be16: u16be(3),
  le32: u32le(5),
  be32: u32be(9),
  le64: u64le(13),
  be64: u64be(21),
  raw: byteRun(29, 3),
});

describe('layout', () => {
  it('reads each field in its own byte order', () => {
    const bytes = Uint8Array.from({ length: 40 }, (_, index) => index);
    expect(decode(everything, bytes, 4)).toEqual({
      small: 4,
      le16: 0x0605,
      be16: 0x0708,
      le32: 0x0c0b0a09,
      be32: 0x0d0e0f10,
      le64: 0x1817161514131211n,
      be64: 0x191a1b1c1d1e1f20n,
      raw: Uint8Array.of(33, 34, 35),
    });
  });

  it('writes what it reads, and nothing beside it', () => {
    const bytes = new Uint8Array(32).fill(0xee);
    const values = { small: 1, be32: 0xfffffffe, le64: 2n ** 63n, raw: Uint8Array.of(7, 8, 9) };
    encodeInto(everything, bytes, values);
    expect(decode(everything, bytes)).toMatchObject({
      ...values,
      le16: 0xeeee,
      be64: 0xeeeeeeeeeeeeeeeen,
    });
  });

  it('refuses a field outside of its structure', () => {
    expect(() => layout('short', 4, { late: u32le(1) })).toThrow(RangeError);
  });

  it('refuses bytes that are too short', () => {
    expect(() => decode(everything, new Uint8Array(31))).toThrow(RangeError);
    expect(() => decode(everything, new Uint8Array(40), 9)).toThrow(RangeError);
  });

  it('refuses a raw field of another length', () => {
    expect(() => encodeInto(everything, new Uint8Array(32), { raw: Uint8Array.of(1) })).toThrow(
      RangeError,
    );
  });
});
