/** liblz4: decoding of LZ4 frames. Source: `lz4frame.h`, version 1.9. */
import { NativeDecodeError, type DecodeStep, type NativeDecoder } from './decoder.ts';
import { loadLibrary, type NativeLibrary } from './load-library.ts';

/** LZ4F_VERSION */
const VERSION = 100;

export interface Lz4Library {
  readonly name: string;
  /** Any number may be open at the same time. @throws {NativeDecodeError} */
  openDecoder(): NativeDecoder;
}

/** Undefined if the system has no liblz4. @throws {SystemError} kind `no-native`. */
export function openLz4Library(): Lz4Library | undefined {
  const library = loadLibrary(['liblz4.so.1']);
  return library && { name: library.name, openDecoder: () => new Lz4Decoder(library) };
}

/** Skippable frames and further frames are handled by the library. */
class Lz4Decoder implements NativeDecoder {
  readonly name: string;
  readonly #native: NativeLibrary;
  readonly #decompress: ReturnType<NativeLibrary['bindAsync']>;
  readonly #isError: ReturnType<NativeLibrary['bind']>;
  #context: bigint;
  readonly #inputSize = new BigUint64Array(1);
  readonly #outputSize = new BigUint64Array(1);

  constructor(native: NativeLibrary) {
    this.name = native.name;
    this.#native = native;
    this.#decompress = native.bindAsync(
      'size_t LZ4F_decompress(void *ctx, void *dst, void *dstSize, const void *src, void *srcSize, const void *options)',
    );
    this.#isError = native.bind('unsigned int LZ4F_isError(size_t code)');
    const create = native.bind(
      'size_t LZ4F_createDecompressionContext(void *ctx, unsigned int version)',
    );
    const pointer = new BigUint64Array(1);
    this.#check(create(bytesOf(pointer), VERSION));
    this.#context = pointer[0]!;
  }

  async step(input: Uint8Array, _isLast: boolean, output: Uint8Array): Promise<DecodeStep> {
    this.#inputSize[0] = BigInt(input.length);
    this.#outputSize[0] = BigInt(output.length);
    const hint = await this.#decompress(
      this.#context,
      output,
      bytesOf(this.#outputSize),
      input,
      bytesOf(this.#inputSize),
      null,
    );
    this.#check(hint);
    return {
      consumedBytes: Number(this.#inputSize[0]),
      producedBytes: Number(this.#outputSize[0]),
      isComplete: Number(hint) === 0,
    };
  }

  close(): void {
    if (this.#context === 0n) return;
    this.#native.bind('size_t LZ4F_freeDecompressionContext(void *ctx)')(this.#context);
    this.#context = 0n;
  }

  #check(result: number | bigint): void {
    if (Number(this.#isError(result)) === 0) return;
    const name = this.#native.bindText('const char *LZ4F_getErrorName(size_t code)')(result);
    const kind = name?.includes('allocation') === true ? 'out-of-memory' : 'damaged';
    throw new NativeDecodeError(kind, `liblz4 says: ${name}`);
  }
}

function bytesOf(numbers: BigUint64Array): Uint8Array {
  return new Uint8Array(numbers.buffer);
}
