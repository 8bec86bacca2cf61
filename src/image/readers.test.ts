import {
  appendFileSync,
  ftruncateSync,
  openSync,
  closeSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { makeScratchFolder } from '../../test/support/scratch.ts';
import { FileReader } from './file-reader.ts';
import { MemoryReader } from './memory-reader.ts';
import { WindowReader } from './window-reader.ts';

/** Bytes that tell their position. */
function patternAt(startByte: number, lengthBytes: number): Uint8Array {
  return Uint8Array.from({ length: lengthBytes }, (_, index) => ((startByte + index) * 31) >>> 3);
}

function makeFile(sizeBytes: number): string {
  const file = path.join(makeScratchFolder(), 'image');
  writeFileSync(file, patternAt(0, sizeBytes));
  return file;
}

describe('FileReader', () => {
  it('gives exact bytes for every size and place, cached or not', () => {
    const size = 3 * 65536 + 777;
    const reader = new FileReader(makeFile(size));
    for (const length of [0, 1, 511, 4096, 4097, 65535, 65536, 65537, 131072]) {
      for (const start of [0, 1, 4095, 4096, 65000, size - length]) {
        expect(Buffer.compare(reader.readAt(start, length), patternAt(start, length))).toBe(0);
      }
    }
    reader.close();
  });

  it('hands out bytes that the caller may keep and change', () => {
    const reader = new FileReader(makeFile(8192));
    reader.readAt(0, 16).fill(0xff);
    expect(reader.readAt(0, 16)).toEqual(patternAt(0, 16));
    reader.close();
  });

  it('counts what leaves the file, once for what is cached', () => {
    const reader = new FileReader(makeFile(100_000));
    reader.readAt(10, 20);
    reader.readAt(30, 4000);
    expect(reader.cost).toEqual({ bytesRead: 4096, reads: 1 });
    reader.readAt(4000, 9000);
    expect(reader.cost).toEqual({ bytesRead: 4 * 4096, reads: 2 });
    reader.close();
  });

  it('forgets old pages instead of growing', () => {
    const file = path.join(makeScratchFolder(), 'sparse');
    const handle = openSync(file, 'w');
    ftruncateSync(handle, 64 * 1024 * 1024);
    closeSync(handle);
    const reader = new FileReader(file);
    for (let page = 0; page < 4096; page++) reader.readAt(page * 4096, 1);
    const { reads } = reader.cost;
    reader.readAt(4095 * 4096, 1);
    expect(reader.cost.reads).toBe(reads);
    reader.readAt(0, 1);
    expect(reader.cost.reads).toBe(reads + 1);
    reader.close();
  });

  it('refuses to read outside', () => {
    const reader = new FileReader(makeFile(100));
    for (const [start, length] of [
      [0, 101],
      [100, 1],
      [-1, 2],
      [0.5, 1],
      [NaN, 1],
    ] as const) {
      expect(() => reader.readAt(start, length)).toThrow(RangeError);
    }
    reader.close();
  });

  it('fails on a file that was cut while it is read', () => {
    const file = makeFile(200_000);
    const reader = new FileReader(file);
    truncateSync(file, 100_000);
    expect(() => reader.readAt(90_000, 70_000)).toThrow(
      expect.objectContaining({ kind: 'short-read' }),
    );
    reader.close();
  });

  it.each([
    ['size', (file: string) => appendFileSync(file, 'x')],
    ['modification time', (file: string) => utimesSync(file, 1, 1)],
  ])('notices a change of %s', (_, change) => {
    const file = makeFile(100);
    const reader = new FileReader(file);
    reader.assertUnchanged();
    change(file);
    expect(() => reader.assertUnchanged()).toThrow(
      expect.objectContaining({ kind: 'image-changed' }),
    );
    reader.close();
  });

  it.each([
    ['/nonexistent/image', 'ENOENT'],
    ['/', 'EISDIR'],
    ['/dev/null', 'not-an-image'],
  ])('refuses %s with %s', (file, kind) => {
    expect(() => new FileReader(file)).toThrow(
      expect.objectContaining({ code: 'BMAP_SYSTEM', kind }),
    );
  });
});

describe('WindowReader', () => {
  it('reads its part and nothing else', () => {
    const memory = new MemoryReader(patternAt(0, 100));
    const window = new WindowReader(memory, 10, 20);
    expect(window.sizeBytes).toBe(20);
    expect(window.readAt(5, 15)).toEqual(patternAt(15, 15));
    expect(() => window.readAt(5, 16)).toThrow(RangeError);
    expect(() => new WindowReader(memory, 90, 11)).toThrow(RangeError);
  });
});
