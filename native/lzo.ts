/** liblzo2: blocks of LZO1X, and the checksum of lzop. Source: `lzo/lzo1x.h`, `lzo/lzoconf.h`, 2.10. */
import { NativeDecodeError } from './decoder.ts';
import { loadLibrary } from './load-library.ts';

/** ADLER32_INIT_VALUE */
const ADLER_START = 1;

export interface LzoLibrary {
  readonly name: string;
  /** Decodes one block to exactly `lengthBytes`. @throws {NativeDecodeError} */
  decodeBlock(block: Uint8Array, lengthBytes: number): Promise<Uint8Array>;
  /** At once, for a few bytes. */
  adler32(bytes: Uint8Array): number;
  /** The same, on another thread. */
  adler32Async(bytes: Uint8Array): Promise<number>;
}

/** Undefined if the system has no liblzo2. @throws {SystemError} kind `no-native`. */
export function openLzoLibrary(): LzoLibrary | undefined {
  const library = loadLibrary(['liblzo2.so.2']);
  if (library === undefined) return undefined;
  const decompress = library.bindAsync(
    'int lzo1x_decompress_safe(const void *src, size_t srcLen, void *dst, void *dstLen, void *work)',
  );
  const prototype = 'uint32_t lzo_adler32(uint32_t adler, const void *bytes, size_t length)';
  const adler = library.bind(prototype);
  const adlerAsync = library.bindAsync(prototype);
  return {
    name: library.name,
    async decodeBlock(block, lengthBytes) {
      const output = Buffer.allocUnsafeSlow(lengthBytes);
      const size = new BigUint64Array([BigInt(lengthBytes)]);
      const result = await decompress(
        block,
        block.length,
        output,
        new Uint8Array(size.buffer),
        null,
      );
      if (Number(result) !== 0 || size[0] !== BigInt(lengthBytes)) {
        throw new NativeDecodeError('damaged', 'the compressed data is damaged');
      }
      return output;
    },
    adler32: (bytes) => Number(adler(ADLER_START, bytes, bytes.length)),
    adler32Async: async (bytes) => Number(await adlerAsync(ADLER_START, bytes, bytes.length)),
  };
}
