/**
 * LZ4: any number of frames, skippable ones among them. Where blocks do not need each other, as `lz4`
 * makes them, several are decoded at the same time, and those without a wanted byte not at all. All
 * other frames, and what is wrong, are left to the library. The older format of `lz4 -l` is not read.
 */
import type { IHasher } from 'hash-wasm';

import { openLz4Library, type Lz4Library } from '../../../../native/lz4.ts';
import type { StreamReader } from '../stream-reader.ts';
import { damaged, type DecodeContext } from './decoder.ts';
import { zeros, type Gap } from './gaps.ts';
import { libraryDecode } from './library-decode.ts';
import { checkBlock, readBlock } from './lz4-block.ts';
import { MAX_HEADER_BYTES, readFrameHeader, skippableFrameBytes } from './lz4-format.ts';
import type { FrameHeader, Xxh32 } from './lz4-format.ts';
import { BlockGroup, GroupDecoder } from './lz4-groups.ts';
import { feedDecoder } from './native-stream.ts';
import { DECODING_THREADS, runInOrder, type BlockJob } from './parallel-blocks.ts';

/** For three groups of the largest blocks; more were not faster on two processors. */
const LIMITS = { threads: DECODING_THREADS, memoryBytes: 24 * 2 ** 20 };

export const decodeLz4 = libraryDecode(
  openLz4Library,
  { name: 'lz4', args: ['-dcq'], debianPackage: 'lz4' },
  decodeFrames,
);

async function* decodeFrames(
  library: Lz4Library,
  input: StreamReader,
  context: DecodeContext,
): AsyncGenerator<Uint8Array> {
  // Node's OpenSSL has no XXH32.
  const { createXXHash32 } = await import('hash-wasm');
  const file = new Lz4File(library, input, context, await createXXHash32(), await createXXHash32());
  yield* file.decode();
}

class Lz4File {
  readonly #library: Lz4Library;
  readonly #input: StreamReader;
  readonly #context: DecodeContext;
  readonly #groups: GroupDecoder;
  readonly #xxh32: Xxh32;
  /** Of the content of a frame. */
  readonly #contentHasher: IHasher;
  /** Of the decoded data: where the next block to be read starts. */
  #positionBytes = 0;
  /** What was given out last, but for zeros. */
  #latest: Buffer | undefined;

  constructor(
    library: Lz4Library,
    input: StreamReader,
    context: DecodeContext,
    hasher: IHasher,
    contentHasher: IHasher,
  ) {
    this.#library = library;
    this.#input = input;
    this.#context = context;
    this.#groups = new GroupDecoder(library, context);
    this.#xxh32 = (bytes) => digestOf(hasher.init().update(bytes));
    this.#contentHasher = contentHasher;
  }

  async *decode(): AsyncGenerator<Uint8Array> {
    const input = this.#input;
    try {
      while (!(await input.isAtEnd())) {
        const head = Buffer.from(await input.peek(MAX_HEADER_BYTES));
        const frame = readFrameHeader(head, this.#xxh32);
        const skippedBytes = frame?.lengthBytes ?? skippableFrameBytes(head);
        if (skippedBytes === undefined) {
          yield* feedDecoder(this.#library.openDecoder(), input, this.#context);
          return;
        }
        await input.skip(skippedBytes, this.#context.structure);
        if (frame !== undefined) yield* this.#decodeFrame(frame);
      }
    } finally {
      this.#groups.close();
    }
  }

  async *#decodeFrame(frame: FrameHeader): AsyncGenerator<Uint8Array> {
    const { structure } = this.#context;
    const startByte = this.#input.positionBytes;
    const contentStartByte = this.#positionBytes;
    const hasher = frame.hasContentChecksum ? this.#contentHasher.init() : undefined;
    let isWhole = true;
    for await (const part of runInOrder(this.#listJobs(frame), LIMITS)) {
      if (!Buffer.isBuffer(part)) {
        isWhole = false;
        yield* zeros(part.lengthBytes);
        continue;
      }
      if (isWhole) hasher?.update(part);
      yield part;
      // The next piece is asked for, so the one before this is not used any more.
      if (this.#latest !== undefined) this.#groups.reuse(this.#latest);
      this.#latest = part;
    }
    const contentBytes = this.#positionBytes - contentStartByte;
    if (frame.contentBytes !== undefined && frame.contentBytes !== BigInt(contentBytes)) {
      const text = `a frame holds ${contentBytes} bytes, and states ${frame.contentBytes}`;
      throw damaged(this.#context, startByte, text);
    }
    if (hasher === undefined) return;
    const stated = Buffer.from(await this.#input.take(4, structure)).readUInt32LE(0);
    if (isWhole && stated !== digestOf(hasher)) {
      throw damaged(this.#context, startByte, 'the checksum of a frame is wrong');
    }
  }

  /** Blocks that are decoded in groups, and gaps, up to the end mark. */
  async *#listJobs(frame: FrameHeader): AsyncGenerator<BlockJob<Buffer | Gap>> {
    let group: BlockGroup | undefined;
    for (;;) {
      const block = await readBlock(frame, this.#input, this.#context);
      const startByte = this.#positionBytes;
      const lengthBytes = block?.lengthBytes ?? 0;
      this.#positionBytes += lengthBytes;
      const isGap = block !== undefined && this.#isLeftOut(startByte, this.#positionBytes);
      if (block !== undefined && !isGap && group?.add(block) === true) continue;
      if (group !== undefined) yield this.#makeJob(group);
      if (block === undefined) return;
      group = isGap ? undefined : new BlockGroup(frame, block);
      if (!isGap) continue;
      checkBlock(block, frame, this.#xxh32, this.#context);
      yield { costBytes: 0, run: async () => ({ startByte, lengthBytes }) };
    }
  }

  /** Then the checksum of the frame cannot be compared, so the reader must have others. */
  #isLeftOut(startByte: number, endByte: number): boolean {
    const { wanted } = this.#context;
    return wanted?.areVerified === true && !wanted.mayInclude(startByte, endByte);
  }

  #makeJob(group: BlockGroup): BlockJob<Buffer> {
    return { costBytes: group.costBytes, run: async () => this.#groups.decode(group) };
  }
}

function digestOf(hasher: IHasher): number {
  return Buffer.from(hasher.digest('binary')).readUInt32BE(0);
}
