/**
 * bzip2: any number of streams, as pbzip2 and lbzip2 write them. Each block is decoded by itself, several
 * at the same time; the CRC over all blocks of a stream is checked here. What is no stream behind the
 * last one is refused; the program ignores it.
 */
import { openBzip2Library, type Bzip2Library } from '../../../../native/bzip2.ts';
import type { CorruptError } from '../../../errors/errors.ts';
import type { StreamReader } from '../stream-reader.ts';
import { readBits } from './bits.ts';
import {
  BlockDecoder,
  makeBlockStream,
  PAUSE_BYTES,
  type BlockStep,
  type BlockStream,
} from './bzip2-block.ts';
import {
  bytesBehindStream,
  CRC_BITS,
  levelOfNext,
  MARK_BITS,
  MAX_BLOCK_BYTES,
  splitAtMarks,
  type Segment,
} from './bzip2-segments.ts';
import { damaged, fromNativeError, type DecodeContext } from './decoder.ts';
import { libraryDecode } from './library-decode.ts';
import { DECODING_THREADS, runInOrder, type BlockJob } from './parallel-blocks.ts';

const LIMITS = { threads: DECODING_THREADS, memoryBytes: 96 * 2 ** 20 };

/** BZ2_bzDecompress takes 4 bytes for each byte of the largest block, which is level times this. */
const LEVEL_BYTES = 100_000;

/** A block that is so short is zeros or the like, which come again and again. */
const MAX_REPEATED_BYTES = 1024;

/** More marks that are none do not occur in a block, unless somebody made them: see bzip2-segments.ts. */
const MAX_PARTS = 8;

export const decodeBzip2 = libraryDecode(
  openBzip2Library,
  { name: 'bzip2', args: ['-dc'], debianPackage: 'bzip2' },
  (library, input, context) => new Bzip2File(library, input, context).decode(),
);

/** A segment, and what was done with it before its turn. */
type Prepared = { readonly segment: Segment; readonly kind: 'between' } | PreparedBlock;

interface PreparedBlock {
  readonly segment: Segment;
  readonly kind: 'block';
  readonly level: number;
  readonly stream: BlockStream;
  /** Undefined if the block is the same as the one before. */
  readonly attempt: Attempt | undefined;
}

interface Attempt {
  readonly decoder: BlockDecoder;
  readonly step: BlockStep;
}

class Bzip2File {
  readonly #library: Bzip2Library;
  readonly #input: StreamReader;
  readonly #context: DecodeContext;
  readonly #open = new Set<BlockDecoder>();
  /** What the block before became, if all of that is still at hand. */
  #before: readonly Uint8Array[] | undefined;

  constructor(library: Bzip2Library, input: StreamReader, context: DecodeContext) {
    this.#library = library;
    this.#input = input;
    this.#context = context;
  }

  async *decode(): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#decodeStreams();
    } catch (error) {
      throw fromNativeError(error, this.#context, this.#input.positionBytes);
    } finally {
      for (const decoder of this.#open) decoder.close();
    }
  }

  async *#decodeStreams(): AsyncGenerator<Uint8Array> {
    const prepared = runInOrder(this.#prepare(), LIMITS);
    let combinedCrc = 0;
    for await (const item of prepared) {
      if (item.kind === 'block') {
        const crc = yield* this.#decodeBlock(item, prepared);
        // Turned left by one bit, and the next one added.
        combinedCrc = ((combinedCrc << 1) | (combinedCrc >>> 31)) ^ crc;
        continue;
      }
      if (item.segment.kind === 'end') this.#checkEnd(item.segment, combinedCrc >>> 0);
      combinedCrc = 0;
      if (await this.#isEndOfFile(item.segment)) return;
    }
  }

  /** Decodes each block as if every mark were one. */
  async *#prepare(): AsyncGenerator<BlockJob<Prepared>> {
    let level = 9;
    let before: BlockStream | undefined;
    for await (const segment of splitAtMarks(this.#input)) {
      if (segment.kind !== 'block') {
        level = levelOfNext(segment) ?? level;
        yield { costBytes: 0, run: async () => ({ segment, kind: 'between' }) };
        continue;
      }
      const stream = makeBlockStream([segment], level);
      const block = { segment, kind: 'block', level, stream } as const;
      const isRepeated = before !== undefined && isSameShort(stream.bytes, before.bytes);
      before = stream;
      yield isRepeated
        ? { costBytes: 0, run: async () => ({ ...block, attempt: undefined }) }
        : {
            costBytes: 2 * stream.bytes.length + 4 * level * LEVEL_BYTES + PAUSE_BYTES,
            run: async () => ({ ...block, attempt: await this.#attempt(stream) }),
          };
    }
  }

  /** @returns the CRC of the block. */
  async *#decodeBlock(
    { segment, level, stream: wholeStream, attempt: firstAttempt }: PreparedBlock,
    following: AsyncIterator<Prepared>,
  ): AsyncGenerator<Uint8Array, number> {
    if (firstAttempt === undefined && this.#before !== undefined) {
      yield* this.#before;
      return wholeStream.crc;
    }
    const parts = [segment];
    let stream = wholeStream;
    let { decoder, step } = firstAttempt ?? (await this.#attempt(stream));
    while (step.state === 'short' && parts.at(-1)!.end === 'mark' && parts.length < MAX_PARTS) {
      const next = await following.next();
      if (next.done === true) break;
      parts.push(next.value.segment);
      stream = makeBlockStream(parts, level);
      if (stream.bytes.length > MAX_BLOCK_BYTES) break;
      ({ decoder, step } = await this.#attempt(stream));
    }
    const isAlone = parts.length === 1 && step.state === 'complete';
    this.#before = isAlone ? step.pieces : undefined;
    for (;;) {
      if (step.state === 'short' || step.state === 'refused') throw this.#refusal(parts, step);
      yield* step.pieces;
      if (step.state === 'complete') return stream.crc;
      step = await this.#advance(decoder);
    }
  }

  async #attempt(stream: Omit<BlockStream, 'crc'>): Promise<Attempt> {
    const decoder = new BlockDecoder(this.#library, stream);
    this.#open.add(decoder);
    return { decoder, step: await this.#advance(decoder) };
  }

  async #advance(decoder: BlockDecoder): Promise<BlockStep> {
    const step = await decoder.advance();
    if (step.state !== 'paused') this.#open.delete(decoder);
    return step;
  }

  #checkEnd(segment: Segment, combinedCrc: number): void {
    if (segment.bitCount < MARK_BITS + CRC_BITS && segment.end === 'file') {
      throw this.#input.truncated(this.#context.structure);
    }
    if (readBits(segment.bytes, segment.firstBit + MARK_BITS, CRC_BITS) !== combinedCrc) {
      const text = 'the compressed data is damaged: the checksum of a stream is wrong';
      throw damaged(this.#context, segment.startByte, text);
    }
  }

  /** Or else another stream follows. @throws {CorruptError} if something else does. */
  async #isEndOfFile(segment: Segment): Promise<boolean> {
    const bytes = bytesBehindStream(segment);
    if (bytes.length === 0 && segment.end === 'file') return true;
    if (levelOfNext(segment) !== undefined) return false;
    // The library knows what is wrong with it.
    const { step } = await this.#attempt({ bytes, bodyBytes: bytes.length });
    throw this.#refusal([segment], step);
  }

  #refusal(parts: readonly Segment[], { state, error }: BlockStep): CorruptError {
    if (state === 'short' && parts.at(-1)!.end === 'file') {
      return this.#input.truncated(this.#context.structure);
    }
    const text = error?.message ?? 'the compressed data is damaged: a block does not end';
    return damaged(this.#context, parts[0]!.startByte, text, error);
  }
}

function isSameShort(bytes: Uint8Array, before: Uint8Array): boolean {
  return bytes.length <= MAX_REPEATED_BYTES && Buffer.compare(bytes, before) === 0;
}
