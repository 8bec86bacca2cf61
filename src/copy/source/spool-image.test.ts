import { fstatSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { SeededRandom } from '../../../test/support/random.ts';
import { makeScratchFolder } from '../../../test/support/scratch.ts';
import { CorruptError } from '../../errors/errors.ts';
import type { ImageSource } from './image-source.ts';
import { spoolImage } from './spool-image.ts';

const MIB = 2 ** 20;
const { signal } = new AbortController();

/** Gives the bytes in pieces of random sizes, then ends, or fails with `failure`. */
function makeSource(bytes: Uint8Array, seed: number, failure?: Error): ImageSource {
  return {
    name: 'image',
    sizeBytes: undefined,
    fileDescriptor: undefined,
    async *chunks() {
      const random = new SeededRandom(seed);
      for (let at = 0; at < bytes.length;) {
        const end = Math.min(at + 1 + random.below(300_000), bytes.length);
        yield bytes.subarray(at, end);
        at = end;
      }
      if (failure !== undefined) throw failure;
    },
    async close() {},
  };
}

/** Data and zeros in turns, whose borders lie at no block's, often enough to cross every buffer. */
function makePatchwork(sizeBytes: number, seed: number): Buffer {
  const random = new SeededRandom(seed);
  const bytes = Buffer.alloc(sizeBytes);
  for (let at = random.below(20_000); at < sizeBytes; at += random.below(200_000)) {
    const end = Math.min(at + random.below(60_000), sizeBytes);
    bytes.set(random.bytes(end - at), at);
    at = end;
  }
  return bytes;
}

describe('spoolImage', () => {
  it.each([0, 1, 4095, 4096, 4097, MIB, 3 * MIB - 1, 3 * MIB + 5])(
    'keeps every byte of %d',
    async (sizeBytes) => {
      const folder = makeScratchFolder();
      for (const bytes of [
        makePatchwork(sizeBytes, sizeBytes),
        Buffer.alloc(sizeBytes),
        Buffer.alloc(sizeBytes, 0xff),
      ]) {
        const reader = await spoolImage(makeSource(bytes, 7), { folder, signal });
        expect(reader.sizeBytes).toBe(sizeBytes);
        expect(Buffer.compare(reader.readAt(0, sizeBytes), bytes)).toBe(0);
        reader.assertUnchanged();
        expect(readdirSync(folder)).toEqual([]);
        reader.close();
      }
    },
  );

  it('stores no zeros', async () => {
    const bytes = Buffer.alloc(40 * MIB);
    bytes[5 * MIB + 17] = 1;
    bytes[bytes.length - 5 * MIB] = 1;
    const folder = makeScratchFolder();
    const reader = await spoolImage(makeSource(bytes, 3), { folder, signal });
    const { size, blocks } = fstatSync(reader.fileDescriptor);
    expect(size).toBe(bytes.length);
    expect(blocks * 512).toBeLessThan(MIB);
    reader.close();
  });

  it('gives nothing of an image that turns out to be damaged', async () => {
    const folder = makeScratchFolder();
    const failure = new CorruptError('cut', { structure: 'image' }, 'ends too early');
    const source = makeSource(makePatchwork(3 * MIB, 1), 1, failure);
    await expect(spoolImage(source, { folder, signal })).rejects.toBe(failure);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('stops when it is told to', async () => {
    const control = new AbortController();
    const folder = makeScratchFolder();
    const spooling = spoolImage(makeSource(makePatchwork(8 * MIB, 2), 2), {
      folder,
      signal: control.signal,
      onProgress: (bytesDone) => {
        if (bytesDone > MIB) control.abort(new Error('enough'));
      },
    });
    await expect(spooling).rejects.toThrow('enough');
  });

  it('names TMPDIR where the folder is of no use', async () => {
    const folder = path.join(makeScratchFolder(), 'missing');
    const source = makeSource(Buffer.alloc(5, 1), 1);
    for (const sizeBytes of [undefined, 5]) {
      await expect(spoolImage({ ...source, sizeBytes }, { folder, signal })).rejects.toMatchObject({
        code: 'BMAP_SYSTEM',
        kind: 'ENOENT',
        message: `${folder}: cannot unpack image here: no such file; name another folder in TMPDIR`,
      });
    }
  });

  it('asks for room before it starts, where the size is known', async () => {
    const source = { ...makeSource(Buffer.alloc(5, 1), 1), sizeBytes: 2 ** 52 };
    const folder = makeScratchFolder();
    await expect(spoolImage(source, { folder, signal })).rejects.toMatchObject({
      kind: 'ENOSPC',
      message: expect.stringMatching(/may take 4503599627370496 bytes.*TMPDIR/) as string,
    });
  });
});
