/**
 * Mutations of everything that places or counts blocks in an ext filesystem. Whatever the bytes are,
 * the reader ends soon, reads nothing outside, and fails only with errors of ours. Where checksums
 * cover the bytes, no used block is ever released.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

import { crc32c } from '../../src/bytes/crc32c.ts';
import { encodeInto } from '../../src/bytes/layout.ts';
import { CorruptError, UnsupportedError } from '../../src/errors/errors.ts';
import { superblockLayout } from '../../src/fs-probes/ext/superblock-layout.ts';
import type { ImageReader } from '../../src/image/image-reader.ts';
import { MemoryReader } from '../../src/image/memory-reader.ts';
import { makeSparseFile, probeExt, volumeOf, type ProbedExt } from '../support/ext-images.ts';
import { populate } from '../support/ext-judges.ts';
import { SeededRandom } from '../support/random.ts';
import { describeWith, requireTools } from '../support/requirements.ts';
import { run } from '../support/run.ts';
import { makeScratchFolder } from '../support/scratch.ts';

const SIZE_BYTES = 24 * 1024 * 1024;
const ROUNDS = 600;
/** A healthy filesystem of this size needs 100 KiB. */
const MAX_BYTES_READ = 8 * 1024 * 1024;

/** Structures that place or count blocks, in bytes of the image. */
interface Target {
  readonly startByte: number;
  readonly endByte: number;
}

describeWith(requireTools('mke2fs'), 'a mutated ext filesystem', () => {
  it.each(['-t ext4 -b 1024', '-t ext4 -b 1024 -O bigalloc -C 4096', '-t ext4 -b 2048 -O ^64bit'])(
    'with checksums never loses a block: %s',
    (options) => {
      const image = make(options);
      const good = probe(image);
      mutate(image, targetsOf(good), () => {
        const { used } = tryProbe(image) ?? good;
        expect(good.used.subtract(used).isEmpty).toBe(true);
      });
    },
  );

  it.each([
    '-t ext2 -b 1024',
    '-t ext3 -b 1024',
    '-t ext4 -b 1024 -O ^metadata_csum,meta_bg,^resize_inode',
  ])('without checksums is read or refused: %s', (options) => {
    const image = make(options);
    mutate(image, targetsOf(probe(image)), () => {
      expect(() => tryProbe(image)).not.toThrow();
    });
  });

  it('with a superblock that has a right checksum over wrong fields is read or refused', () => {
    const image = make('-t ext4 -b 1024');
    mutate(image, [{ startByte: 1024, endByte: 2048 }], () => {
      encodeInto(superblockLayout, image, { s_magic: 0xef53 }, 1024);
      const s_checksum = crc32c(0xffffffff, image, 1024, 1024 + 0x3fc);
      encodeInto(superblockLayout, image, { s_checksum }, 1024);
      expect(() => tryProbe(image)).not.toThrow();
    });
  });
});

function make(options: string): Uint8Array {
  const folder = makeScratchFolder();
  const file = path.join(folder, 'image');
  const content = makeScratchFolder();
  populate(content, 1, 20);
  makeSparseFile(file, SIZE_BYTES);
  run('mke2fs', ['-q', '-F', ...options.split(' '), '-d', content, file]);
  return new Uint8Array(readFileSync(file));
}

/** Superblock, primary descriptors, bitmaps, the first inodes and the head of the journal. */
function targetsOf({ byKind }: ProbedExt): readonly Target[] {
  const first = (
    kind: 'descriptors' | 'inode-table' | 'journal',
    lengthBytes: number,
  ): Target[] => {
    const startByte = byKind.get(kind)?.at(0).startByte;
    return startByte === undefined ? [] : [{ startByte, endByte: startByte + lengthBytes }];
  };
  return [
    { startByte: 1024, endByte: 2048 },
    ...first('descriptors', 256),
    ...first('inode-table', 4096),
    ...first('journal', 256),
    ...byKind.get('bitmap')!,
  ];
}

/** Changes 1 to 64 bytes of one target, runs `body`, and puts them back. */
function mutate(image: Uint8Array, targets: readonly Target[], body: () => void): void {
  for (let seed = 0; seed < ROUNDS; seed++) {
    const random = new SeededRandom(seed);
    const { startByte, endByte } = random.pick(targets);
    const before = image.slice(startByte, endByte);
    for (let count = random.oneIn(2) ? 1 : 1 + random.below(64); count > 0; count--) {
      const at = startByte + random.below(endByte - startByte);
      image[at] = random.oneIn(2) ? random.below(256) : image[at]! ^ (1 << random.below(8));
    }
    body();
    image.set(before, startByte);
  }
}

function probe(image: Uint8Array): ProbedExt {
  return probeExt(volumeOf(new CountingReader(image)));
}

/** Undefined if the filesystem is mapped whole. Other errors are bugs and get out. */
function tryProbe(image: Uint8Array): ProbedExt | undefined {
  try {
    return probe(image);
  } catch (error) {
    const isOurs =
      error instanceof CorruptError ||
      error instanceof UnsupportedError ||
      (error as Error).message === 'no ext filesystem was found';
    if (!isOurs) throw error;
    return undefined;
  }
}

/** Fails when far more is read than can be needed. Reads outside fail in the reader itself. */
class CountingReader implements ImageReader {
  readonly sizeBytes: number;
  readonly #reader: MemoryReader;
  #bytesRead = 0;

  constructor(image: Uint8Array) {
    this.#reader = new MemoryReader(image);
    this.sizeBytes = image.length;
  }

  readAt(startByte: number, lengthBytes: number): Uint8Array {
    this.#bytesRead += lengthBytes;
    if (this.#bytesRead > MAX_BYTES_READ) throw new Error('reads far too much');
    return this.#reader.readAt(startByte, lengthBytes);
  }
}
