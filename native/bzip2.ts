/** libbz2: decoding of .bz2. Source: `bzlib.h`, version 1.0.8. */
import { NativeDecodeError, type DecodeStep, type NativeDecoder } from './decoder.ts';
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

/** Undefined if the system has no libbz2. @throws {SystemError} kind `no-native`. */
export function openBzip2Decoder(): NativeDecoder | undefined {
  // Debian and others number it 1.0, Fedora and SUSE 1.
  const library = loadLibrary(['libbz2.so.1.0', 'libbz2.so.1']);
  return library && new Bzip2Decoder(library);
}

/** The library knows single streams only: each stream gets a new state, in the same place. */
class Bzip2Decoder implements NativeDecoder {
  readonly library: string;
  readonly #native: NativeLibrary;
  readonly #start: ReturnType<NativeLibrary['bind']>;
  readonly #decompress: ReturnType<NativeLibrary['bindAsync']>;
  readonly #end: ReturnType<NativeLibrary['bind']>;
  readonly #stream = new Uint8Array(STREAM_BYTES);
  readonly #view = new DataView(this.#stream.buffer);
  #isStarted = false;

  constructor(native: NativeLibrary) {
    this.library = native.name;
    this.#native = native;
    this.#start = native.bind('int BZ2_bzDecompressInit(void *strm, int verbosity, int small)');
    this.#decompress = native.bindAsync('int BZ2_bzDecompress(void *strm)');
    this.#end = native.bind('int BZ2_bzDecompressEnd(void *strm)');
  }

  async step(input: Uint8Array, _isLast: boolean, output: Uint8Array): Promise<DecodeStep> {
    if (!this.#isStarted) this.#startStream();
    const view = this.#view;
    view.setBigUint64(NEXT_IN, this.#native.addressOf(input), true);
    view.setUint32(AVAIL_IN, input.length, true);
    view.setBigUint64(NEXT_OUT, this.#native.addressOf(output), true);
    view.setUint32(AVAIL_OUT, output.length, true);
    const result = Number(await this.#decompress(this.#stream));
    if (result !== BZ_OK && result !== BZ_STREAM_END) throw failure(result);
    const step = {
      consumedBytes: input.length - view.getUint32(AVAIL_IN, true),
      producedBytes: output.length - view.getUint32(AVAIL_OUT, true),
      isComplete: result === BZ_STREAM_END,
    };
    if (step.isComplete) this.close();
    return step;
  }

  close(): void {
    if (!this.#isStarted) return;
    this.#isStarted = false;
    this.#end(this.#stream);
  }

  #startStream(): void {
    this.#stream.fill(0);
    const result = Number(this.#start(this.#stream, 0, 0));
    if (result !== BZ_OK) throw failure(result);
    this.#isStarted = true;
  }
}

function failure(result: number): NativeDecodeError {
  const [kind, text] = FAILURES.get(result) ?? ['damaged', `libbz2 reports error ${result}`];
  return new NativeDecodeError(kind, text);
}
