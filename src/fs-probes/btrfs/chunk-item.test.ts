import { describe, expect, it } from 'vitest';

import { parseChunkItem, parseSystemChunkArray } from './chunk-item.ts';

interface Shape {
  readonly length?: bigint;
  readonly stripeLength?: bigint;
  readonly type?: bigint;
  readonly stripes?: number;
  readonly subStripes?: number;
}

function item({
  length = 0xc0000n,
  stripeLength = 65536n,
  type = 1n,
  stripes = 1,
  subStripes = 1,
}: Shape) {
  const bytes = new Uint8Array(48 + 32 * stripes);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, length, true);
  view.setBigUint64(16, stripeLength, true);
  view.setBigUint64(24, type, true);
  view.setUint16(44, stripes, true);
  view.setUint16(46, subStripes, true);
  for (let index = 0; index < stripes; index++) {
    view.setBigUint64(48 + 32 * index, BigInt(index + 1), true);
    view.setBigUint64(56 + 32 * index, BigInt(index * 0x10_0000), true);
  }
  return bytes;
}

describe('parseChunkItem', () => {
  it.each([
    ['single', { type: 1n }, 0xc0000],
    ['dup', { type: 0x24n, stripes: 2 }, 0xc0000],
    ['raid1', { type: 0x11n, stripes: 2 }, 0xc0000],
    ['raid1c3', { type: 0x201n, stripes: 3 }, 0xc0000],
    ['raid1c4', { type: 0x401n, stripes: 4 }, 0xc0000],
    ['raid0', { type: 0x9n, stripes: 3 }, 0x40000],
    ['raid10', { type: 0x41n, stripes: 4, subStripes: 2 }, 0x60000],
    ['raid5', { type: 0x81n, stripes: 4 }, 0x40000],
    ['raid6', { type: 0x101n, stripes: 4 }, 0x60000],
  ])('reads %s', (name, shape, stripeLengthBytes) => {
    const chunk = parseChunkItem(item(shape), 0, 4096);
    expect(chunk).toMatchObject({ logicalByte: 4096, lengthBytes: 0xc0000, stripeLengthBytes });
    expect(chunk.profile.name).toBe(name);
    expect(chunk.stripes.at(-1)?.devid).toBe(chunk.stripes.length);
  });

  it.each([
    ['two profiles', { type: 0x31n, stripes: 2 }, 'chunk-item'],
    ['no contents', { type: 0x10n, stripes: 2 }, 'chunk-item'],
    ['an unknown type', { type: 0x801n }, 'chunk-type'],
    ['an unknown high type', { type: (1n << 40n) | 1n }, 'chunk-type'],
    ['no stripes', { stripes: 0 }, 'chunk-item'],
    ['dup on three', { type: 0x21n, stripes: 3 }, 'chunk-item'],
    ['raid1 on three', { type: 0x11n, stripes: 3 }, 'chunk-item'],
    ['raid6 on two', { type: 0x101n, stripes: 2 }, 'chunk-item'],
    ['raid10 on three', { type: 0x41n, stripes: 3, subStripes: 2 }, 'chunk-item'],
    ['raid10 without mirrors', { type: 0x41n, stripes: 4 }, 'chunk-item'],
    ['no length', { length: 0n }, 'chunk-item'],
    ['a row that is not full', { type: 0x9n, stripes: 2, length: 0x10000n }, 'chunk-item'],
    ['strips of 32 KiB', { stripeLength: 32768n }, 'chunk-item'],
    ['an end above 2^53', { length: (1n << 53n) - 4096n }, 'number-too-large'],
  ])('refuses %s', (_title, shape, kind) => {
    expect(() => parseChunkItem(item(shape), 0, 4096)).toThrow(expect.objectContaining({ kind }));
  });

  it('refuses an item that is cut off anywhere', () => {
    const bytes = item({ type: 0x11n, stripes: 2 });
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length);
      expect(() => parseChunkItem(cut, 0, 0)).toThrow(
        expect.objectContaining({ kind: 'chunk-item' }),
      );
    }
  });
});

const entry = (logical: bigint, keyType = 228) => {
  const key = new Uint8Array(17);
  key[8] = keyType;
  new DataView(key.buffer).setBigUint64(9, logical, true);
  return [...key, ...item({ type: 2n })];
};

describe('parseSystemChunkArray', () => {
  it('reads keys and items', () => {
    const chunks = parseSystemChunkArray(Uint8Array.from([...entry(4096n), ...entry(1n << 40n)]));
    expect(chunks.map(({ logicalByte }) => logicalByte)).toEqual([4096, 2 ** 40]);
  });

  it.each([
    ['nothing', []],
    ['another key', entry(0n, 227)],
    ['half a key', [...entry(0n), 1, 2, 3]],
  ])('refuses %s', (_title, bytes) => {
    const array = Uint8Array.from(bytes);
    expect(() => parseSystemChunkArray(array)).toThrow(
      expect.objectContaining({ kind: 'system-chunk-array' }),
    );
  });
});
