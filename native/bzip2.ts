/** libbz2: decoding of .bz2. Source: `bzlib.h`, version 1.0.8. */
import { NativeDecodeError, type DecodeStep } from './decoder.ts';
import { loadLibrary, type NativeLibrary } from './load-library.ts';

/** `bz_stream`; all zero means: allocate with malloc. */
const STREAM_BYTES = 80;
const NEXT_IN = 0;
const AVAIL_IN = 8;
const NEXT_OUT = 24;
const AVAIL_OUT = 32;

const BZ_OK = 0;
const BZ_STREAM_END = 4;

const FAILURES: ReadonlyMap<number, readonly [NativeDecodeError['kind'], string]> = new Map([
  [-3, ['out-of-memory', 'not enough memory to decompress it']],
  [-4, ['damaged', 'the compressed data is damaged: a checksum or a code is wrong']],
  [-5, ['damaged', 'what stands here is not the start of a stream of bzip2']],
]);

export interface Bzip2Library {
  readonly name: string;
  /** Any number may be open at the same time. @throws {NativeDecodeError} */
  openStream(): Bzip2Stream;
}

/** The decoder of one stream. Not for use by two at a time. */
export interface Bzip2Stream {
  /**
   * Takes all of `input`, or fills all of `output`, or comes to the end of the stream.
   * @throws {NativeDecodeError}
   */
  step(input: Uint8Array, output: Uint8Array): Promise<DecodeStep>;

  /** Frees the memory; safe to call twice. Not while a step is running. */
  close(): void;
}

/** Undefined if the system has no libbz2. @throws {SystemError} kind `no-native`. */
export function openBzip2Library(): Bzip2Library | undefined {
  // Debian and others number it 1.0, Fedora and SUSE 1.
  const library = loadLibrary(['libbz2.so.1.0', 'libbz2.so.1']);
  if (library === undefined) return undefined;
  const calls = bindCalls(library);
  return { name: library.name, openStream: () => new LibraryStream(calls) };
}

type Calls = ReturnType<typeof bindCalls>;

function bindCalls(library: NativeLibrary) {
  return {
    start: library.bind('int BZ2_bzDecompressInit(void *strm, int verbosity, int small)'),
    decompress: library.bindAsync('int BZ2_bzDecompress(void *strm)'),
    end: library.bind('int BZ2_bzDecompressEnd(void *strm)'),
    addressOf: (bytes: Uint8Array) => library.addressOf(bytes),
  };
}

class LibraryStream implements Bzip2Stream {
  readonly #calls: Calls;
  readonly #stream = new Uint8Array(STREAM_BYTES);
  readonly #view = new DataView(this.#stream.buffer);
  #isOpen: boolean;

  constructor(calls: Calls) {
    this.#calls = calls;
    const result = Number(calls.start(this.#stream, 0, 0));
    this.#isOpen = result === BZ_OK;
    if (!this.#isOpen) throw failure(result);
  }

  async step(input: Uint8Array, output: Uint8Array): Promise<DecodeStep> {
    const view = this.#view;
    view.setBigUint64(NEXT_IN, this.#calls.addressOf(input), true);
    view.setUint32(AVAIL_IN, input.length, true);
    view.setBigUint64(NEXT_OUT, this.#calls.addressOf(output), true);
    view.setUint32(AVAIL_OUT, output.length, true);
    const result = Number(await this.#calls.decompress(this.#stream));
    if (result !== BZ_OK && result !== BZ_STREAM_END) throw failure(result);
    return {
      consumedBytes: input.length - view.getUint32(AVAIL_IN, true),
      producedBytes: output.length - view.getUint32(AVAIL_OUT, true),
      isComplete: result === BZ_STREAM_END,
    };
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#calls.end(this.#stream);
  }
}

function failure(result: number): NativeDecodeError {
  const [kind, text] = FAILURES.get(result) ?? ['damaged', `libbz2 reports error ${result}`];
  return new NativeDecodeError(kind, text);
}
