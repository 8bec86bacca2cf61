/** gzip by Node's zlib, which checks length and CRC-32 of each member. Source: RFC 1952. */
import { createGunzip } from 'node:zlib';

import { CorruptError } from '../../../errors/errors.ts';
import type { StreamReader } from '../stream-reader.ts';
import { inflate, ZLIB_OPTIONS } from './inflate.ts';
import type { DecodeContext } from './decoder.ts';

/**
 * Any number of members. Zeros behind the last are padding, as on tapes; anything else is refused: it
 * may be a member whose start is damaged.
 */
export async function* decodeGzip(
  input: StreamReader,
  context: DecodeContext,
): AsyncGenerator<Uint8Array> {
  context.onDebug(`${context.structure}: decompressed by zlib of Node.js`);
  yield* inflate(createGunzip(ZLIB_OPTIONS), input, context);
  const startByte = input.positionBytes;
  for await (const piece of input.rest()) {
    if (piece.every((byte) => byte === 0)) continue;
    throw new CorruptError(
      'trailing-garbage',
      { structure: context.structure, startByte },
      'behind the end of the compressed data stands something else: the file is damaged, or not all of it is the image',
    );
  }
}
