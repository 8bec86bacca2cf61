/** LZ4 frames put together by hand, for what the program does not write. */
import { xxhash32 } from 'hash-wasm';

import { pack } from './packers.ts';

export interface FrameShape {
  /** 4 to 7, for 64 KiB to 4 MiB. */
  readonly maxSize?: number;
  readonly blockChecksums?: boolean;
  readonly contentChecksum?: boolean;
  readonly contentBytes?: number;
  readonly dictionary?: number;
}

/** Each part becomes a block, however short it is. */
export async function makeLz4Frame(
  parts: readonly Uint8Array[],
  shape: FrameShape = {},
): Promise<Buffer> {
  const pieces: Uint8Array[] = [await makeLz4Header(shape)];
  for (const part of parts) {
    const block = packBlock(part);
    pieces.push(block);
    if (shape.blockChecksums === true) pieces.push(await checksum(block.subarray(4)));
  }
  pieces.push(Buffer.alloc(4));
  if (shape.contentChecksum !== false) pieces.push(await checksum(Buffer.concat(parts)));
  return Buffer.concat(pieces);
}

/** With independent blocks. */
async function makeLz4Header(shape: FrameShape): Promise<Buffer> {
  const { maxSize = 7, contentBytes, dictionary } = shape;
  const flags =
    0x60 |
    (shape.blockChecksums === true ? 0x10 : 0) |
    (contentBytes === undefined ? 0 : 0x08) |
    (shape.contentChecksum === false ? 0 : 0x04) |
    (dictionary === undefined ? 0 : 0x01);
  const size = Buffer.alloc(contentBytes === undefined ? 0 : 8);
  if (contentBytes !== undefined) size.writeBigUInt64LE(BigInt(contentBytes));
  const identifier = Buffer.alloc(dictionary === undefined ? 0 : 4, dictionary);
  const descriptor = Buffer.concat([Buffer.of(flags, maxSize << 4), size, identifier]);
  const check = (await checksum(descriptor)).subarray(1, 2);
  return Buffer.concat([Buffer.from('04224d18', 'hex'), descriptor, check]);
}

/** Its size and data, out of a frame of this block alone. */
function packBlock(part: Uint8Array): Buffer {
  const frame = pack({ ending: 'lz4', program: 'lz4', args: ['-cq', '-B7'] }, part);
  const dataBytes = frame.readUInt32LE(7) & 0x7fffffff;
  return frame.subarray(7, 11 + dataBytes);
}

async function checksum(bytes: Uint8Array): Promise<Buffer> {
  const checked = Buffer.alloc(4);
  checked.writeUInt32LE(Number.parseInt(await xxhash32(bytes), 16));
  return checked;
}
