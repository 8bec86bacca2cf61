/** Images with maps, and targets to copy them to. */
import { openSync, closeSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';

import { expect } from 'vitest';

import { buildBmap } from '../../src/bmap/build-bmap.ts';
import { formatBmap } from '../../src/bmap/format-bmap.ts';
import { RangeSet } from '../../src/ranges/range-set.ts';
import { attachLoop } from './loop-device.ts';
import { SeededRandom } from './random.ts';
import { makeScratchFolder } from './scratch.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

export interface CopyFixture {
  readonly folder: string;
  /** A raw image; its map lies beside it, where it is discovered. */
  readonly image: string;
  readonly map: string;
  readonly bytes: Buffer;
  /** Whole blocks, cut at the end of the image. */
  readonly mapped: RangeSet;
}

export interface FixtureShape {
  readonly sizeBytes?: number;
  readonly blockBytes?: number;
  readonly mapped?: RangeSet;
  readonly checksums?: boolean;
  /** Made with something else than noise. */
  readonly content?: (bytes: Buffer) => void;
}

/** Runs of one block, of some, across pieces of 1 MiB, and up to an end that is no whole block. */
export const SOME_RANGES = RangeSet.of(
  { startByte: 0, endByte: 4 * KIB },
  { startByte: 64 * KIB, endByte: 192 * KIB },
  { startByte: MIB - 64 * KIB, endByte: 2 * MIB + 64 * KIB },
  { startByte: 3 * MIB, endByte: 3 * MIB + 128 * KIB },
);
const SIZE_BYTES = 4 * MIB + 1234;

/** Noise everywhere, also where the map leaves something out: what is copied too much is seen. */
export async function makeCopyFixture(shape: FixtureShape = {}): Promise<CopyFixture> {
  const { sizeBytes = SIZE_BYTES, blockBytes = 4096, checksums = true } = shape;
  const folder = makeScratchFolder();
  const image = path.join(folder, 'disk.img');
  const bytes = Buffer.from(new SeededRandom(sizeBytes).bytes(sizeBytes));
  shape.content?.(bytes);
  writeFileSync(image, bytes);
  const all = RangeSet.of({ startByte: 0, endByte: sizeBytes });
  const end = RangeSet.of({ startByte: sizeBytes - 5, endByte: sizeBytes });
  const wanted = shape.mapped ?? SOME_RANGES.intersect(all).union(end);
  const fileDescriptor = openSync(image, 'r');
  const bmap = await buildBmap({
    fileDescriptor,
    path: image,
    imageSizeBytes: sizeBytes,
    blockSizeBytes: blockBytes,
    mapped: wanted,
    withChecksums: checksums,
  });
  closeSync(fileDescriptor);
  const map = path.join(folder, 'disk.bmap');
  writeFileSync(map, formatBmap(bmap));
  return { folder, image, map, bytes, mapped: wanted.alignOut(blockBytes, sizeBytes) };
}

/** A file in which every byte is `fill`. */
export function makeFilledFile(folder: string, sizeBytes: number, fill: number): string {
  const file = path.join(folder, `target-${fill.toString(16)}`);
  writeFileSync(file, Buffer.alloc(sizeBytes, fill));
  return file;
}

export interface LoopTarget {
  readonly device: string;
  /** The file behind it. */
  readonly file: string;
  readonly fill: number;
  readonly sizeBytes: number;
}

/** A loop device that holds nothing but `fill`, detached when the test ends. */
export function makeLoopTarget(sizeBytes = 6 * MIB, fill = 0xff): LoopTarget {
  const file = makeFilledFile(makeScratchFolder(), sizeBytes, fill);
  return { device: attachLoop(file), file, fill, sizeBytes };
}

/** What the file must hold after a copy: the image where it is mapped, else what was there before. */
export function expectCopied(
  file: string,
  { bytes, mapped }: Pick<CopyFixture, 'bytes' | 'mapped'>,
  fill: number,
): void {
  const expected = Buffer.alloc(readFileSync(file).length, fill);
  for (const { startByte, endByte } of mapped) bytes.copy(expected, startByte, startByte, endByte);
  expectSame(readFileSync(file), expected);
}

/** Buffers compared without printing megabytes. */
export function expectSame(actual: Buffer, expected: Buffer): void {
  expect(actual.length).toBe(expected.length);
  if (actual.equals(expected)) return;
  const byte = actual.findIndex((value, index) => value !== expected[index]);
  expect({ byte, value: actual[byte] }).toEqual({ byte, value: expected[byte] });
}

export function expectUntouched(target: LoopTarget): void {
  expectSame(readFileSync(target.file), Buffer.alloc(target.sizeBytes, target.fill));
}

/** Overwrites some bytes in place. */
export function patchFile(file: string, startByte: number, bytes: Uint8Array): void {
  const fileDescriptor = openSync(file, 'r+');
  writeSync(fileDescriptor, bytes, 0, bytes.length, startByte);
  closeSync(fileDescriptor);
}
