/** The container of .xz. Source: xz-file-format.txt 1.2; the numbers of its sections stand below. */
import { crc32 } from 'node:zlib';

const MAGIC = Buffer.from('fd377a585a00', 'hex');
const FOOTER_MAGIC = Buffer.from('YZ');

/** 2.1.1 */
export const STREAM_HEADER_BYTES = 12;

/** 2.1.1.2: bytes of the check behind each block, by its type. */
const CHECK_BYTES = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];

/** 3.1.2 */
const HAS_COMPRESSED_SIZE = 0x40;
const HAS_UNCOMPRESSED_SIZE = 0x80;

export interface StreamFlags {
  /** As they are stored, here and in the footer. */
  readonly bytes: Buffer;
  readonly checkBytes: number;
}

/** What the index tells of a block. */
export interface BlockRecord {
  /** Header, compressed data and check, without padding. */
  readonly unpaddedBytes: number;
  /** With the padding: what the block takes in the file. */
  readonly storedBytes: number;
  /** Of the data that it holds. */
  readonly lengthBytes: number;
}

/** Undefined if this is not the undamaged header of a stream. */
export function readStreamFlags(bytes: Uint8Array): StreamFlags | undefined {
  const header = Buffer.from(bytes);
  if (header.length < STREAM_HEADER_BYTES || !header.subarray(0, 6).equals(MAGIC)) return undefined;
  const flags = header.subarray(6, 8);
  const checkBytes = CHECK_BYTES[flags[1]!];
  if (flags[0] !== 0 || checkBytes === undefined) return undefined;
  return header.readUInt32LE(8) === crc32(flags) ? { bytes: flags, checkBytes } : undefined;
}

/** Undefined if the header is damaged, or does not tell both sizes. */
export function readBlockSizes(bytes: Uint8Array, flags: StreamFlags): BlockRecord | undefined {
  const header = Buffer.from(bytes);
  const crcAt = (header[0]! + 1) * 4 - 4;
  if (
    header.length < crcAt + 4 ||
    crc32(header.subarray(0, crcAt)) !== header.readUInt32LE(crcAt)
  ) {
    return undefined;
  }
  const both = HAS_COMPRESSED_SIZE | HAS_UNCOMPRESSED_SIZE;
  if ((header[1]! & both) !== both) return undefined;
  const compressed = readNumber(header, 2, crcAt);
  const length = compressed && readNumber(header, compressed.endByte, crcAt);
  if (length === undefined) return undefined;
  const unpaddedBytes = header.length + compressed!.value + flags.checkBytes;
  const storedBytes = Math.ceil(unpaddedBytes / 4) * 4;
  return { unpaddedBytes, storedBytes, lengthBytes: length.value };
}

/** Index and footer of a stream of these blocks. */
export function encodeIndex(blocks: readonly BlockRecord[], flags: StreamFlags): Buffer {
  const numbers: number[] = [0];
  writeNumber(numbers, blocks.length);
  for (const { unpaddedBytes, lengthBytes } of blocks) {
    writeNumber(numbers, unpaddedBytes);
    writeNumber(numbers, lengthBytes);
  }
  while (numbers.length % 4 !== 0) numbers.push(0);
  const index = withCrcBehind(Buffer.from(numbers));
  const footer = Buffer.alloc(6);
  footer.writeUInt32LE(index.length / 4 - 1);
  flags.bytes.copy(footer, 4);
  const footerCrc = Buffer.alloc(4);
  footerCrc.writeUInt32LE(crc32(footer));
  return Buffer.concat([index, footerCrc, footer, FOOTER_MAGIC]);
}

function withCrcBehind(bytes: Buffer): Buffer {
  const crc = Buffer.alloc(4);
  crc.writeUInt32LE(crc32(bytes));
  return Buffer.concat([bytes, crc]);
}

/** 1.2: seven bits a byte, the lowest first. Undefined if it does not end in time, or above 2^53. */
function readNumber(
  bytes: Buffer,
  startByte: number,
  limitByte: number,
): { value: number; endByte: number } | undefined {
  let value = 0;
  let factor = 1;
  for (let at = startByte; at < limitByte; at++, factor *= 128) {
    value += (bytes[at]! & 0x7f) * factor;
    if (!Number.isSafeInteger(value)) return undefined;
    if (bytes[at]! < 0x80) return { value, endByte: at + 1 };
  }
  return undefined;
}

function writeNumber(bytes: number[], value: number): void {
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
}
