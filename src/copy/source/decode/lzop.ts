/**
 * The file format of lzop: a header, then blocks of LZO1X with checksums, up to a block of length zero.
 * All numbers are big-endian. Source: lzop 1.04, `src/lzop.c` and `src/conf.h`, which are the only
 * specification. Names, times and modes in the header are ignored.
 */
import { crc32 } from 'node:zlib';

import { UnsupportedError } from '../../../errors/errors.ts';
import { openLzoLibrary, type LzoLibrary } from '../../../../native/lzo.ts';
import { LZOP_MAGIC } from '../formats.ts';
import type { StreamReader } from '../stream-reader.ts';
import { damaged, type DecodeContext } from './decoder.ts';
import { libraryDecode } from './library-decode.ts';
import { decodeBlock, isSameBlock, readBlock, type StoredBlock } from './lzop-block.ts';
import { DECODING_THREADS, runInOrder, type BlockJob } from './parallel-blocks.ts';

/** The first version whose header has the level and the high half of the time. */
const VERSION_WITH_LEVEL = 0x0940;

const F_H_EXTRA_FIELD = 0x40;
const F_H_FILTER = 0x800;
const F_H_CRC32 = 0x1000;

/** LZO1X-1, LZO1X-1(15) and LZO1X-999: three compressors, one format. */
const METHODS: readonly number[] = [1, 2, 3];

/** For more than a hundred blocks of lzop's usual size, 256 KiB. */
const LIMITS = { threads: DECODING_THREADS, memoryBytes: 64 * 2 ** 20 };

/** Any number of files one behind the other, as `lzop -dc` does it. */
export const decodeLzop = libraryDecode(
  openLzoLibrary,
  { name: 'lzop', args: ['-dc'], debianPackage: 'lzop' },
  (library, input, context) => runInOrder(listJobs(library, input, context), LIMITS),
);

async function* listJobs(
  library: LzoLibrary,
  input: StreamReader,
  context: DecodeContext,
): AsyncGenerator<BlockJob<Uint8Array>> {
  let latest: Work | undefined;
  do {
    const flags = await readHeader(library, input, context);
    for (;;) {
      const block = await readBlock(flags, input, context);
      if (block === undefined) break;
      // Zeros, as a rule: what they become need not be found out once more.
      const isSame = latest !== undefined && isSameBlock(block, latest.block);
      const work: Work = isSame ? latest! : { block, plain: undefined };
      latest = work;
      yield {
        costBytes: isSame ? 0 : block.bytes.length + block.lengthBytes,
        run: async () => (work.plain ??= decodeBlock(library, block, context)),
      };
    }
  } while (!(await input.isAtEnd()));
}

/** For one block, or several that are the same. */
interface Work {
  readonly block: StoredBlock;
  /** Once it was started. */
  plain: Promise<Uint8Array> | undefined;
}

/** @returns the flags. */
async function readHeader(
  library: LzoLibrary,
  input: StreamReader,
  context: DecodeContext,
): Promise<number> {
  const { structure } = context;
  const startByte = input.positionBytes;
  const magic = await input.take(LZOP_MAGIC.length, structure);
  if (!LZOP_MAGIC.equals(magic)) {
    throw damaged(context, startByte, 'what stands here is not the start of a file of lzop');
  }
  const parts: Uint8Array[] = [];
  const take = async (lengthBytes: number): Promise<number> => {
    const bytes = await input.take(lengthBytes, structure);
    parts.push(bytes);
    return Buffer.from(bytes).readUIntBE(0, lengthBytes);
  };
  const version = await take(2);
  await take(2); // version of the library
  if (version >= VERSION_WITH_LEVEL) await take(2); // version needed to extract
  const method = await take(1);
  if (version >= VERSION_WITH_LEVEL) await take(1); // level
  const flags = await take(4);
  if ((flags & F_H_FILTER) !== 0) await take(4);
  await take(4); // mode
  await take(4); // time
  if (version >= VERSION_WITH_LEVEL) await take(4); // high half of the time
  const nameBytes = await take(1);
  if (nameBytes > 0) parts.push(await input.take(nameBytes, structure));
  const stated = await takeU32(input, structure);
  const bytes = Buffer.concat(parts);
  const checksum = (flags & F_H_CRC32) === 0 ? library.adler32(bytes) : crc32(bytes);
  if (stated !== checksum) {
    throw damaged(context, startByte, 'the checksum of the header is wrong');
  }
  if (!METHODS.includes(method) || (flags & F_H_FILTER) !== 0) {
    const text = `it uses method ${method} with flags 0x${flags.toString(16)}; only LZO1X without a filter is read`;
    throw new UnsupportedError('codec', { structure, startByte }, text);
  }
  if ((flags & F_H_EXTRA_FIELD) !== 0) {
    await input.skip(await takeU32(input, structure), structure);
    await input.skip(4, structure);
  }
  return flags;
}

async function takeU32(input: StreamReader, structure: string): Promise<number> {
  return Buffer.from(await input.take(4, structure)).readUInt32BE(0);
}
