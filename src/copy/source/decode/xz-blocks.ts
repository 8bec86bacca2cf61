/**
 * Walks over the blocks of .xz, and leaves out those without a wanted byte. What is left is a file of xz
 * again: its index, at the end of each stream, lists the blocks that were kept. The index that was read
 * must be that of all blocks, to the byte, since its encoding is unique. Source: xz-file-format.txt 1.2.
 *
 * Whatever this does not understand goes to the decoder as it is, which knows what is wrong with it.
 */
import { crc32 } from 'node:zlib';

import { UnsupportedError } from '../../../errors/errors.ts';
import type { StreamReader } from '../stream-reader.ts';
import type { WantedBytes } from '../wanted-bytes.ts';
import { damaged, type DecodeContext } from './decoder.ts';
import type { Gap } from './gaps.ts';
import { readStreamFlags, encodeIndex, readBlockSizes, STREAM_HEADER_BYTES } from './xz-format.ts';
import type { BlockRecord } from './xz-format.ts';

/** 24 TiB in blocks of xz -T; the list of them takes 100 MB. */
const MAX_BLOCKS = 2 ** 20;

const PADDING = Buffer.alloc(4);

export async function* sieveXz(
  input: StreamReader,
  wanted: WantedBytes,
  context: DecodeContext,
): AsyncGenerator<Uint8Array | Gap> {
  let position = 0;
  for (;;) {
    const flags = readStreamFlags(await input.peek(STREAM_HEADER_BYTES));
    if (flags === undefined) break;
    yield await input.take(STREAM_HEADER_BYTES, context.structure);
    const all: BlockRecord[] = [];
    const kept: BlockRecord[] = [];
    for (;;) {
      const [sizeByte] = await input.peek(1);
      if (sizeByte === undefined || sizeByte === 0) break;
      const header = await input.peek((sizeByte + 1) * 4);
      const block = all.length < MAX_BLOCKS ? readBlockSizes(header, flags) : undefined;
      if (block === undefined) break;
      all.push(block);
      const endByte = position + block.lengthBytes;
      if (wanted.mayInclude(position, endByte)) {
        kept.push(block);
        yield* input.pieces(block.storedBytes, context.structure);
      } else {
        await input.skip(block.storedBytes, context.structure);
        yield { startByte: position, lengthBytes: block.lengthBytes };
      }
      position = endByte;
    }
    const index = encodeIndex(all, flags);
    const found = await input.peek(index.length);
    if (!index.equals(found)) {
      if (kept.length === all.length) break;
      throw await explain(input, found, index, context);
    }
    await input.skip(index.length, context.structure);
    yield encodeIndex(kept, flags);
    while (PADDING.equals(await input.peek(PADDING.length))) {
      yield await input.take(PADDING.length, context.structure);
    }
  }
  yield* input.rest();
}

/** The error for a stream that blocks were left out of: no decoder can tell any more. */
async function explain(
  input: StreamReader,
  found: Uint8Array,
  index: Buffer,
  context: DecodeContext,
): Promise<Error> {
  if (found[0] !== undefined && found[0] !== 0) {
    const header = await input.peek((found[0] + 1) * 4);
    const place = { structure: context.structure, startByte: input.positionBytes };
    if (header.length === (found[0] + 1) * 4 && crcIsRight(header)) {
      const text = 'a block does not tell its size as others do; unpack it with xz first';
      return new UnsupportedError('codec', place, text);
    }
    return damaged(context, input.positionBytes, 'the header of a block is damaged');
  }
  if (found.length < index.length && index.subarray(0, found.length).equals(found)) {
    return input.truncated(context.structure);
  }
  return damaged(context, input.positionBytes, 'the index does not list the blocks there are');
}

function crcIsRight(header: Uint8Array): boolean {
  const view = Buffer.from(header.buffer, header.byteOffset, header.length);
  return crc32(view.subarray(0, -4)) === view.readUInt32LE(view.length - 4);
}
