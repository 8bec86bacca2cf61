/**
 * liblzma of XZ Utils: decoding of .xz. Source: `lzma/base.h` and `lzma/container.h`, versions 5.4 and 5.8.
 * Uses several threads where the library can (since 5.4) and the file has several blocks.
 */
import { availableParallelism, totalmem } from 'node:os';

import { NativeDecodeError, type DecodeStep, type NativeDecoder } from './decoder.ts';
import type { NativeLibrary } from './load-library.ts';
import { loadLzma, type LzmaLibrary } from './lzma-library.ts';

/** `lzma_stream`; all zero is LZMA_STREAM_INIT. */
const STREAM_BYTES = 136;
const NEXT_IN = 0;
const AVAIL_IN = 8;
const NEXT_OUT = 24;
const AVAIL_OUT = 32;

/** `lzma_mt` */
const MT_BYTES = 128;
const MT_FLAGS = 0;
const MT_THREADS = 4;
const MT_MEMLIMIT_THREADING = 64;
const MT_MEMLIMIT_STOP = 72;

/** A check that this liblzma cannot calculate would go unverified: have it said. */
const LZMA_TELL_UNSUPPORTED_CHECK = 0x02;
/** Further streams and padding may follow the first stream; anything else is an error. */
const LZMA_CONCATENATED = 0x08;
const FLAGS = LZMA_TELL_UNSUPPORTED_CHECK | LZMA_CONCATENATED;

const LZMA_RUN = 0;
const LZMA_FINISH = 3;

const LZMA_OK = 0;
const LZMA_STREAM_END = 1;
/** No progress was possible: more input or more room is needed. Never fatal in itself. */
const LZMA_BUF_ERROR = 10;

const FAILURES: ReadonlyMap<number, readonly [NativeDecodeError['kind'], string]> = new Map([
  [3, ['unsupported', 'its integrity check is of a type that liblzma does not know']],
  [5, ['out-of-memory', 'not enough memory to decompress it']],
  [6, ['out-of-memory', 'not enough memory to decompress it']],
  [7, ['damaged', 'this is not a stream of xz']],
  [8, ['unsupported', 'it uses options that liblzma does not know']],
  [9, ['damaged', 'the compressed data is damaged']],
]);

/** A quarter of the memory, as xz has it, and at most 1 GiB: beyond it decoding goes on with fewer threads. */
const THREADING_MEMORY_BYTES = Math.min(Math.floor(totalmem() / 4), 2 ** 30);
const NO_LIMIT = 2n ** 64n - 1n;

/** Undefined if there is no liblzma. @throws {SystemError} kind `no-native`. */
export function openLzmaDecoder(): NativeDecoder | undefined {
  const library = loadLzma();
  return library && new LzmaDecoder(library);
}

class LzmaDecoder implements NativeDecoder {
  readonly name: string;
  readonly #native: NativeLibrary;
  readonly #code: ReturnType<NativeLibrary['bindAsync']>;
  readonly #end: ReturnType<NativeLibrary['bind']>;
  readonly #stream = new Uint8Array(STREAM_BYTES);
  readonly #view = new DataView(this.#stream.buffer);
  #isClosed = false;

  constructor(native: LzmaLibrary) {
    this.#native = native;
    this.#code = native.bindAsync('int lzma_code(void *strm, int action)');
    this.#end = native.bind('void lzma_end(void *strm)');
    const threads = availableParallelism();
    const useThreads = threads > 1 && native.has('lzma_stream_decoder_mt');
    const inThreads = useThreads ? `, ${threads} threads` : '';
    this.name = `liblzma ${native.version} (${native.name})${inThreads}`;
    const result = useThreads ? this.#startThreaded(threads) : this.#startSingle();
    if (result !== LZMA_OK) throw failure(result);
  }

  async step(input: Uint8Array, isLast: boolean, output: Uint8Array): Promise<DecodeStep> {
    const view = this.#view;
    view.setBigUint64(NEXT_IN, this.#native.addressOf(input), true);
    view.setBigUint64(AVAIL_IN, BigInt(input.length), true);
    view.setBigUint64(NEXT_OUT, this.#native.addressOf(output), true);
    view.setBigUint64(AVAIL_OUT, BigInt(output.length), true);
    const result = Number(await this.#code(this.#stream, isLast ? LZMA_FINISH : LZMA_RUN));
    if (result !== LZMA_OK && result !== LZMA_STREAM_END && result !== LZMA_BUF_ERROR) {
      throw failure(result);
    }
    return {
      consumedBytes: input.length - Number(view.getBigUint64(AVAIL_IN, true)),
      producedBytes: output.length - Number(view.getBigUint64(AVAIL_OUT, true)),
      isComplete: result === LZMA_STREAM_END,
    };
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#end(this.#stream);
  }

  #startThreaded(threads: number): number {
    const options = new DataView(new ArrayBuffer(MT_BYTES));
    options.setUint32(MT_FLAGS, FLAGS, true);
    options.setUint32(MT_THREADS, threads, true);
    options.setBigUint64(MT_MEMLIMIT_THREADING, BigInt(THREADING_MEMORY_BYTES), true);
    options.setBigUint64(MT_MEMLIMIT_STOP, NO_LIMIT, true);
    const start = this.#native.bind('int lzma_stream_decoder_mt(void *strm, void *options)');
    return Number(start(this.#stream, new Uint8Array(options.buffer)));
  }

  #startSingle(): number {
    const start = this.#native.bind(
      'int lzma_stream_decoder(void *strm, uint64_t memlimit, uint32_t flags)',
    );
    return Number(start(this.#stream, NO_LIMIT, FLAGS));
  }
}

function failure(result: number): NativeDecodeError {
  const [kind, text] = FAILURES.get(result) ?? ['damaged', `liblzma reports error ${result}`];
  return new NativeDecodeError(kind, text);
}
