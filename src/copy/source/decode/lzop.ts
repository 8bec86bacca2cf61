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
import { damaged, fromNativeError, type DecodeContext } from './decoder.ts';
import { tryOpen } from './native-stream.ts';
import { decodeWithProgram } from './program.ts';

/** The first version whose header has the level and the high half of the time. */
const VERSION_WITH_LEVEL = 0x0940;

const F_ADLER32_D = 0x1;
const F_ADLER32_C = 0x2;
const F_H_EXTRA_FIELD = 0x40;
const F_CRC32_D = 0x100;
const F_CRC32_C = 0x200;
const F_H_FILTER = 0x800;
const F_H_CRC32 = 0x1000;

/** LZO1X-1, LZO1X-1(15) and LZO1X-999: three compressors, one format. */
const METHODS: readonly number[] = [1, 2, 3];

/** MAX_BLOCK_SIZE: lzop itself refuses larger blocks. 64 MiB. */
const MAX_BLOCK_BYTES = 64 * 2 ** 20;

type Checksum = (bytes: Uint8Array) => number;

/** Any number of files one behind the other, as `lzop -dc` does it. */
export function decodeLzop(input: StreamReader, context: DecodeContext): AsyncIterable<Uint8Array> {
  const library = tryOpen(openLzoLibrary, context);
  if (library === undefined) {
    const program = { name: 'lzop', args: ['-dc'], debianPackage: 'lzop' };
    return decodeWithProgram(program, input, context);
  }
  context.onDebug(`${context.structure}: decompressed by ${library.name}`);
  return decodeFiles(library, input, context);
}

async function* decodeFiles(
  library: LzoLibrary,
  input: StreamReader,
  context: DecodeContext,
): AsyncGenerator<Uint8Array> {
  do {
    const flags = await readHeader(library, input, context);
    for (;;) {
      const block = await readBlock(library, flags, input, context);
      if (block === undefined) break;
      yield block;
    }
  } while (!(await input.isAtEnd()));
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
  const checksum: Checksum = (flags & F_H_CRC32) === 0 ? library.adler32 : crc32;
  if (stated !== checksum(Buffer.concat(parts))) {
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

/** @returns the block's data, or undefined at the end of the file. */
async function readBlock(
  library: LzoLibrary,
  flags: number,
  input: StreamReader,
  context: DecodeContext,
): Promise<Uint8Array | undefined> {
  const { structure } = context;
  const startByte = input.positionBytes;
  const lengthBytes = await takeU32(input, structure);
  if (lengthBytes === 0) return undefined;
  const storedBytes = await takeU32(input, structure);
  if (lengthBytes > MAX_BLOCK_BYTES || storedBytes > lengthBytes || storedBytes === 0) {
    const text = `a block of ${storedBytes} bytes is to become ${lengthBytes}, which is impossible`;
    throw damaged(context, startByte, text);
  }
  const isCompressed = storedBytes < lengthBytes;
  const adler = library.adler32;
  const plainChecks = await takeChecks(input, structure, flags, F_ADLER32_D, F_CRC32_D, adler);
  // A block that did not become smaller is stored, and has one set of checksums.
  const storedChecks = isCompressed
    ? await takeChecks(input, structure, flags, F_ADLER32_C, F_CRC32_C, adler)
    : [];
  const stored = await input.take(storedBytes, structure);
  verify(storedChecks, stored, context, startByte);
  const plain = isCompressed
    ? await library.decodeBlock(stored, lengthBytes).catch((error: unknown) => {
        throw fromNativeError(error, context, startByte);
      })
    : stored;
  verify(plainChecks, plain, context, startByte);
  return plain;
}

type Check = readonly [stated: number, calculate: Checksum];

async function takeChecks(
  input: StreamReader,
  structure: string,
  flags: number,
  adlerFlag: number,
  crcFlag: number,
  adler32: Checksum,
): Promise<readonly Check[]> {
  const checks: Check[] = [];
  if ((flags & adlerFlag) !== 0) checks.push([await takeU32(input, structure), adler32]);
  if ((flags & crcFlag) !== 0) checks.push([await takeU32(input, structure), crc32]);
  return checks;
}

function verify(
  checks: readonly Check[],
  bytes: Uint8Array,
  context: DecodeContext,
  startByte: number,
): void {
  for (const [stated, calculate] of checks) {
    if (calculate(bytes) !== stated) {
      throw damaged(context, startByte, 'the checksum of a block is wrong');
    }
  }
}

async function takeU32(input: StreamReader, structure: string): Promise<number> {
  return Buffer.from(await input.take(4, structure)).readUInt32BE(0);
}
