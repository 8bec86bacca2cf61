/** A block of lzop: two lengths, up to four checksums, and the data. Source: see lzop.ts. */
import { crc32 } from 'node:zlib';

import type { LzoLibrary } from '../../../../native/lzo.ts';
import type { StreamReader } from '../stream-reader.ts';
import { damaged, fromNativeError, type DecodeContext } from './decoder.ts';

const F_ADLER32_D = 0x1;
const F_ADLER32_C = 0x2;
const F_CRC32_D = 0x100;
const F_CRC32_C = 0x200;

/** MAX_BLOCK_SIZE: lzop itself refuses larger blocks. 64 MiB. */
const MAX_BLOCK_BYTES = 64 * 2 ** 20;

/** Both lengths. */
const LENGTHS_BYTES = 8;
/** With all four checksums. */
const MAX_HEAD_BYTES = 24;

export interface StoredBlock {
  readonly startByte: number;
  /** What stands before the data. */
  readonly head: Uint8Array;
  readonly bytes: Uint8Array;
  /** What it becomes; if that is no more than it has, it is stored as it is. */
  readonly lengthBytes: number;
  readonly plainChecks: Checks;
  readonly storedChecks: Checks;
}

/** Undefined where the file states none. */
interface Checks {
  readonly adler32: number | undefined;
  readonly crc32: number | undefined;
}

/**
 * @returns undefined at the end of the file, whose length of zero is taken as well.
 * @throws {CorruptError} kind `truncated` or `damaged`.
 */
export async function readBlock(
  flags: number,
  input: StreamReader,
  context: DecodeContext,
): Promise<StoredBlock | undefined> {
  const { structure } = context;
  const startByte = input.positionBytes;
  const peeked = await input.peek(MAX_HEAD_BYTES);
  const head = Buffer.from(peeked.buffer, peeked.byteOffset, peeked.length);
  const assertPeeked = (lengthBytes: number): void => {
    if (head.length < lengthBytes) throw input.truncated(structure);
  };
  assertPeeked(4);
  const lengthBytes = head.readUInt32BE(0);
  if (lengthBytes === 0) {
    await input.skip(4, structure);
    return undefined;
  }
  assertPeeked(LENGTHS_BYTES);
  const storedBytes = head.readUInt32BE(4);
  if (lengthBytes > MAX_BLOCK_BYTES || storedBytes > lengthBytes || storedBytes === 0) {
    const text = `a block of ${storedBytes} bytes is to become ${lengthBytes}, which is impossible`;
    throw damaged(context, startByte, text);
  }
  let headBytes = LENGTHS_BYTES;
  const nextCheck = (isStated: boolean): number | undefined => {
    if (!isStated) return undefined;
    assertPeeked(headBytes + 4);
    headBytes += 4;
    return head.readUInt32BE(headBytes - 4);
  };
  // A block that did not become smaller is stored, and has one set of checksums.
  const isPacked = storedBytes < lengthBytes;
  const plainChecks = {
    adler32: nextCheck((flags & F_ADLER32_D) !== 0),
    crc32: nextCheck((flags & F_CRC32_D) !== 0),
  };
  const storedChecks = {
    adler32: nextCheck(isPacked && (flags & F_ADLER32_C) !== 0),
    crc32: nextCheck(isPacked && (flags & F_CRC32_C) !== 0),
  };
  await input.skip(headBytes, structure);
  const bytes = await input.take(storedBytes, structure);
  const stated = head.subarray(0, headBytes);
  return { startByte, head: stated, bytes, lengthBytes, plainChecks, storedChecks };
}

/** Whether both become the same, and are checked against the same. */
export function isSameBlock(block: StoredBlock, other: StoredBlock): boolean {
  return (
    Buffer.compare(block.head, other.head) === 0 && Buffer.compare(block.bytes, other.bytes) === 0
  );
}

/** The block's data. @throws {CorruptError} kind `damaged`. */
export async function decodeBlock(
  library: LzoLibrary,
  { startByte, bytes, lengthBytes, plainChecks, storedChecks }: StoredBlock,
  context: DecodeContext,
): Promise<Uint8Array> {
  const verify = async (checked: Uint8Array, { adler32, crc32: crc }: Checks): Promise<void> => {
    const isRight =
      (adler32 === undefined || adler32 === (await library.adler32Async(checked))) &&
      (crc === undefined || crc === crc32(checked));
    if (!isRight) throw damaged(context, startByte, 'the checksum of a block is wrong');
  };
  await verify(bytes, storedChecks);
  if (bytes.length === lengthBytes) {
    await verify(bytes, plainChecks);
    return bytes;
  }
  const plain = await library.decodeBlock(bytes, lengthBytes).catch((error: unknown) => {
    throw fromNativeError(error, context, startByte);
  });
  await verify(plain, plainChecks);
  return plain;
}
