/**
 * A block of an LZ4 frame: its size, the data, perhaps a checksum. Sources: lz4_Frame_format.md and
 * lz4_Block_format.md of the lz4 project.
 */
import type { StreamReader } from '../stream-reader.ts';
import { damaged, type DecodeContext } from './decoder.ts';
import type { FrameHeader, Xxh32 } from './lz4-format.ts';

/** Of the size, and of a checksum. */
const FIELD_BYTES = 4;

/** The highest bit of the size: the data is stored as it is. */
const IS_STORED = 0x80000000;

/** Of a length in a token; more of it follows in further bytes. */
const LENGTH_GOES_ON = 15;
const OFFSET_BYTES = 2;
const MIN_MATCH_BYTES = 4;

export interface StoredBlock {
  readonly startByte: number;
  /** All that stands in the file. */
  readonly bytes: Uint8Array;
  /** Of the data that it holds. */
  readonly lengthBytes: number;
}

/**
 * @returns undefined at the end mark, which is taken as well.
 * @throws {CorruptError} kind `truncated` or `damaged`.
 */
export async function readBlock(
  frame: FrameHeader,
  input: StreamReader,
  context: DecodeContext,
): Promise<StoredBlock | undefined> {
  const { structure } = context;
  const startByte = input.positionBytes;
  const head = await input.peek(FIELD_BYTES);
  if (head.length < FIELD_BYTES) throw input.truncated(structure);
  const size = toView(head).getUint32(0, true);
  if (size === 0) {
    await input.skip(FIELD_BYTES, structure);
    return undefined;
  }
  const isStored = size >= IS_STORED;
  const dataBytes = isStored ? size - IS_STORED : size;
  if (dataBytes > frame.maxBlockBytes) {
    const text = `a block has ${dataBytes} bytes, and may have ${frame.maxBlockBytes}`;
    throw damaged(context, startByte, text);
  }
  const checksumBytes = frame.hasBlockChecksums ? FIELD_BYTES : 0;
  const bytes = await takeCopy(input, FIELD_BYTES + dataBytes + checksumBytes, structure);
  const lengthBytes = isStored
    ? dataBytes
    : measureData(bytes.subarray(FIELD_BYTES, FIELD_BYTES + dataBytes), frame.maxBlockBytes);
  if (lengthBytes === undefined) throw damaged(context, startByte, 'a block is damaged');
  return { startByte, bytes, lengthBytes };
}

/** Copies large blocks once, where `take` would do it twice. */
async function takeCopy(
  input: StreamReader,
  lengthBytes: number,
  structure: string,
): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(lengthBytes);
  let filledBytes = 0;
  for await (const piece of input.pieces(lengthBytes, structure)) {
    bytes.set(piece, filledBytes);
    filledBytes += piece.length;
  }
  return bytes;
}

/** For blocks that are not decoded. @throws {CorruptError} kind `damaged` if its checksum is wrong. */
export function checkBlock(
  { startByte, bytes }: StoredBlock,
  frame: FrameHeader,
  xxh32: Xxh32,
  context: DecodeContext,
): void {
  if (!frame.hasBlockChecksums) return;
  const checksumAt = bytes.length - FIELD_BYTES;
  const stated = toView(bytes).getUint32(checksumAt, true);
  if (stated !== xxh32(bytes.subarray(FIELD_BYTES, checksumAt))) {
    throw damaged(context, startByte, 'the checksum of a block is wrong');
  }
}

/**
 * How many bytes the sequences of a block become: literals, and a match behind all but the last ones.
 * Undefined if a sequence does not fit into the block, refers to what is before its start, or makes it
 * longer than `limitBytes`.
 */
export function measureData(data: Uint8Array, limitBytes: number): number | undefined {
  let lengthBytes = 0;
  let at = 0;
  for (;;) {
    const token = data[at++];
    if (token === undefined) return undefined;
    let literalBytes = token >>> 4;
    if (literalBytes === LENGTH_GOES_ON) {
      let more: number | undefined;
      do {
        more = data[at++];
        if (more === undefined) return undefined;
        literalBytes += more;
      } while (more === 255);
    }
    at += literalBytes;
    lengthBytes += literalBytes;
    if (lengthBytes > limitBytes) return undefined;
    if (at === data.length) return lengthBytes;
    if (at + OFFSET_BYTES > data.length) return undefined;
    const offset = data[at]! | (data[at + 1]! << 8);
    at += OFFSET_BYTES;
    if (offset === 0 || offset > lengthBytes) return undefined;
    let matchBytes = (token & 0x0f) + MIN_MATCH_BYTES;
    if (matchBytes === LENGTH_GOES_ON + MIN_MATCH_BYTES) {
      let more: number | undefined;
      do {
        more = data[at++];
        if (more === undefined) return undefined;
        matchBytes += more;
      } while (more === 255);
    }
    lengthBytes += matchBytes;
  }
}

function toView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
