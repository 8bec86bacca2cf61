/** Headers of frames, made by the program lz4 1.9.4, and what differs from them. */
import { createXXHash32 } from 'hash-wasm';
import { describe, expect, it } from 'vitest';

import { readFrameHeader, skippableFrameBytes } from './lz4-format.ts';

const hasher = await createXXHash32();

function xxh32(bytes: Uint8Array): number {
  return Buffer.from(hasher.init().update(bytes).digest('binary')).readUInt32BE(0);
}

function read(digits: string): ReturnType<typeof readFrameHeader> {
  return readFrameHeader(Buffer.from(digits, 'hex'), xxh32);
}

/** With the right checksum. */
function readDescriptor(digits: string): ReturnType<typeof readFrameHeader> {
  const descriptor = Buffer.from(digits, 'hex');
  const check = Buffer.of((xxh32(descriptor) >>> 8) & 0xff);
  return readFrameHeader(Buffer.concat([Buffer.from('04224d18', 'hex'), descriptor, check]), xxh32);
}

it.each([
  ['lz4', '04224d186470b9', 2 ** 22, false, true, undefined],
  ['lz4 -B4 --no-frame-crc', '04224d18604082', 2 ** 16, false, false, undefined],
  ['lz4 -B6 -BX', '04224d187460d9', 2 ** 20, true, true, undefined],
  ['lz4 --content-size', '04224d186c70808d5b0000000000a9', 2 ** 22, false, true, 6_000_000n],
])('of %s', (_, digits, maxBlockBytes, hasBlockChecksums, hasContentChecksum, contentBytes) => {
  const header = read(digits)!;
  expect(header).toMatchObject({
    lengthBytes: digits.length / 2,
    maxBlockBytes,
    hasBlockChecksums,
    hasContentChecksum,
  });
  expect(header.contentBytes).toBe(contentBytes);
  // What is made for some of the blocks states the same of them, and nothing of all.
  const part = readFrameHeader(Buffer.from(header.partHeader), xxh32);
  expect(part).toMatchObject({ maxBlockBytes, hasBlockChecksums, hasContentChecksum: false });
  expect(part!.contentBytes).toBeUndefined();
});

describe('is not read here', () => {
  it('but for one that is right', () => {
    expect(readDescriptor('6470')).toBeDefined();
  });

  it.each([
    ['of another version', 'e470'],
    ['whose blocks need each other', '4470'],
    ['that asks for a dictionary', '6570'],
    ['with a reserved flag', '6670'],
    ['with the other reserved flag', '64f0'],
    ['with reserved bits', '6471'],
    ['with a size of blocks that does not exist', '6430'],
  ])('%s', (_, digits) => {
    expect(readDescriptor(digits)).toBeUndefined();
  });

  it('with a wrong checksum, another magic number, or cut anywhere', () => {
    const right = '04224d186470b9';
    expect(read('04224d186470b8')).toBeUndefined();
    expect(read('02214c186470b9')).toBeUndefined();
    for (let bytes = 0; bytes < right.length / 2; bytes++) {
      expect(read(right.slice(0, bytes * 2))).toBeUndefined();
    }
  });
});

it('frames to step over tell their length', () => {
  const tell = (digits: string): number | undefined =>
    skippableFrameBytes(Buffer.from(digits, 'hex'));
  expect(tell('502a4d1805000000')).toBe(13);
  expect(tell('5f2a4d18ffffffff')).toBe(2 ** 32 + 7);
  expect(tell('602a4d1805000000')).toBeUndefined();
  expect(tell('04224d1805000000')).toBeUndefined();
  expect(tell('502a4d18050000')).toBeUndefined();
});
