/** libzstd: decoding of .zst. Source: `zstd.h`, version 1.5. */
import { NativeDecodeError, type DecodeStep, type NativeDecoder } from './decoder.ts';
import { loadLibrary, type NativeLibrary } from './load-library.ts';

/** `ZSTD_inBuffer` and `ZSTD_outBuffer`: address, size and position, 8 bytes each. */
const BUFFER_BYTES = 24;
const POSITION = 16;

/** ZSTD_d_windowLogMax; 31 is the largest there is, `zstd --long=31`. */
const WINDOW_LOG_MAX_PARAMETER = 100;
const WINDOW_LOG_MAX = 31;

/** `ZSTD_ErrorCode` that do not mean damage. Source: `zstd_errors.h`. */
const KINDS: ReadonlyMap<number, NativeDecodeError['kind']> = new Map([
  [12, 'unsupported'], // version_unsupported
  [14, 'unsupported'], // frameParameter_unsupported
  [16, 'unsupported'], // frameParameter_windowTooLarge
  [32, 'unsupported'], // dictionary_wrong
  [64, 'out-of-memory'], // memory_allocation
]);

/** Undefined if the system has no libzstd. @throws {SystemError} kind `no-native`. */
export function openZstdDecoder(): NativeDecoder | undefined {
  const library = loadLibrary(['libzstd.so.1']);
  return library && new ZstdDecoder(library);
}

/** Skippable frames and further frames are handled by the library. */
class ZstdDecoder implements NativeDecoder {
  readonly name: string;
  readonly #native: NativeLibrary;
  readonly #decompress: ReturnType<NativeLibrary['bindAsync']>;
  readonly #isError: ReturnType<NativeLibrary['bind']>;
  #context: number | bigint;
  readonly #input = new Uint8Array(BUFFER_BYTES);
  readonly #output = new Uint8Array(BUFFER_BYTES);

  constructor(native: NativeLibrary) {
    this.name = native.name;
    this.#native = native;
    this.#decompress = native.bindAsync(
      'size_t ZSTD_decompressStream(void *zds, void *output, void *input)',
    );
    this.#isError = native.bind('unsigned int ZSTD_isError(size_t code)');
    this.#context = native.bind('void *ZSTD_createDStream(void)')();
    const setParameter = native.bind(
      'size_t ZSTD_DCtx_setParameter(void *dctx, int parameter, int value)',
    );
    this.#check(setParameter(this.#context, WINDOW_LOG_MAX_PARAMETER, WINDOW_LOG_MAX));
  }

  async step(input: Uint8Array, _isLast: boolean, output: Uint8Array): Promise<DecodeStep> {
    const inputView = this.#fill(this.#input, input);
    const outputView = this.#fill(this.#output, output);
    const hint = await this.#decompress(this.#context, this.#output, this.#input);
    this.#check(hint);
    return {
      consumedBytes: Number(inputView.getBigUint64(POSITION, true)),
      producedBytes: Number(outputView.getBigUint64(POSITION, true)),
      isComplete: Number(hint) === 0,
    };
  }

  close(): void {
    if (this.#context === 0) return;
    this.#native.bind('size_t ZSTD_freeDStream(void *zds)')(this.#context);
    this.#context = 0;
  }

  #fill(buffer: Uint8Array, bytes: Uint8Array): DataView {
    const view = new DataView(buffer.buffer);
    view.setBigUint64(0, this.#native.addressOf(bytes), true);
    view.setBigUint64(8, BigInt(bytes.length), true);
    view.setBigUint64(POSITION, 0n, true);
    return view;
  }

  #check(result: number | bigint): void {
    if (Number(this.#isError(result)) === 0) return;
    const code = Number(this.#native.bind('int ZSTD_getErrorCode(size_t code)')(result));
    const name = this.#native.bindText('const char *ZSTD_getErrorName(size_t code)')(result);
    throw new NativeDecodeError(KINDS.get(code) ?? 'damaged', `libzstd says: ${name}`);
  }
}
