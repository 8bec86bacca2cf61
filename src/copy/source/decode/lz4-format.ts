/**
 * The headers of LZ4 frames. All numbers are little-endian. Source: lz4_Frame_format.md 1.6.x of the lz4
 * project; its names stand in quotation marks.
 */

/** XXH32 with seed 0. */
export type Xxh32 = (bytes: Uint8Array) => number;

const MAGIC = 0x184d2204;
const FIRST_SKIPPABLE_MAGIC = 0x184d2a50;
const MAGIC_BYTES = 4;

/** "FLG" */
const VERSION = 0x40;
const VERSION_BITS = 0xc0;
const INDEPENDENT_BLOCKS = 0x20;
const BLOCK_CHECKSUMS = 0x10;
const CONTENT_SIZE = 0x08;
const CONTENT_CHECKSUM = 0x04;
const RESERVED_FLAG = 0x02;
const DICTIONARY_ID = 0x01;

/** "BD": all bits but those of "Block MaxSize" must be zero. */
const MAX_SIZE_BITS = 0x70;
const MAX_SIZE_SHIFT = 4;
/** By the value of those bits, from 4 to 7. */
const MAX_BLOCK_BYTES = [
  undefined,
  undefined,
  undefined,
  undefined,
  2 ** 16,
  2 ** 18,
  2 ** 20,
  2 ** 22,
];

/** With a content size; a frame with a dictionary identifier is not read here. */
export const MAX_HEADER_BYTES = 15;

/** The largest that a block may be, packed or not. */
export const LARGEST_BLOCK_BYTES = 2 ** 22;

/** A frame whose blocks do not need each other. */
export interface FrameHeader {
  readonly lengthBytes: number;
  readonly maxBlockBytes: number;
  readonly hasBlockChecksums: boolean;
  readonly hasContentChecksum: boolean;
  /** Undefined if it is not stated. */
  readonly contentBytes: bigint | undefined;
  /** The header of a frame of some of the blocks: it states nothing that holds for all of them. */
  readonly partHeader: Uint8Array;
}

/** Undefined for any other frame, and for what is damaged, or no frame. */
export function readFrameHeader(bytes: Buffer, xxh32: Xxh32): FrameHeader | undefined {
  if (bytes.length < MAGIC_BYTES + 3 || bytes.readUInt32LE(0) !== MAGIC) return undefined;
  const flags = bytes[MAGIC_BYTES]!;
  const blockDescriptor = bytes[MAGIC_BYTES + 1]!;
  const fixed = flags & (VERSION_BITS | INDEPENDENT_BLOCKS | RESERVED_FLAG | DICTIONARY_ID);
  const maxBlockBytes = MAX_BLOCK_BYTES[(blockDescriptor & MAX_SIZE_BITS) >> MAX_SIZE_SHIFT];
  if (
    fixed !== (VERSION | INDEPENDENT_BLOCKS) ||
    (blockDescriptor & ~MAX_SIZE_BITS) !== 0 ||
    maxBlockBytes === undefined
  ) {
    return undefined;
  }
  const hasContentSize = (flags & CONTENT_SIZE) !== 0;
  const checksumAt = MAGIC_BYTES + 2 + (hasContentSize ? 8 : 0);
  const descriptor = bytes.subarray(MAGIC_BYTES, checksumAt);
  if (bytes[checksumAt] !== headerChecksum(descriptor, xxh32)) return undefined;
  return {
    lengthBytes: checksumAt + 1,
    maxBlockBytes,
    hasBlockChecksums: (flags & BLOCK_CHECKSUMS) !== 0,
    hasContentChecksum: (flags & CONTENT_CHECKSUM) !== 0,
    contentBytes: hasContentSize ? bytes.readBigUInt64LE(MAGIC_BYTES + 2) : undefined,
    partHeader: encodeHeader(flags & ~(CONTENT_SIZE | CONTENT_CHECKSUM), blockDescriptor, xxh32),
  };
}

/** Of a frame that decoders step over: with its header. Undefined for any other. */
export function skippableFrameBytes(bytes: Buffer): number | undefined {
  if (bytes.length < MAGIC_BYTES + 4) return undefined;
  const isSkippable = (bytes.readUInt32LE(0) & 0xfffffff0) >>> 0 === FIRST_SKIPPABLE_MAGIC;
  return isSkippable ? MAGIC_BYTES + 4 + bytes.readUInt32LE(MAGIC_BYTES) : undefined;
}

function encodeHeader(flags: number, blockDescriptor: number, xxh32: Xxh32): Buffer {
  const magic = Buffer.alloc(MAGIC_BYTES);
  magic.writeUInt32LE(MAGIC);
  const descriptor = Buffer.of(flags, blockDescriptor);
  return Buffer.concat([magic, descriptor, Buffer.of(headerChecksum(descriptor, xxh32))]);
}

/** "HC": the second byte of the checksum of what stands between the magic number and it. */
function headerChecksum(descriptor: Uint8Array, xxh32: Xxh32): number {
  return (xxh32(descriptor) >>> 8) & 0xff;
}
