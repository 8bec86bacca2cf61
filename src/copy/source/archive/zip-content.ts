/** The data of one member of a zip archive. Source: PKWARE APPNOTE 6.3.10. */
import { crc32, createInflateRaw } from 'node:zlib';

import { CorruptError, UnsupportedError } from '../../../errors/errors.ts';
import type { DecodeContext } from '../decode/decoder.ts';
import { inflate, ZLIB_OPTIONS } from '../decode/inflate.ts';
import type { StreamReader } from '../stream-reader.ts';

export const METHOD_STORED = 0;
export const METHOD_DEFLATE = 8;
export const FLAG_ENCRYPTED = 1;

/** What was found when a member was read. */
export interface ZipTally {
  crc: number;
  sizeBytes: number;
}

/** @throws {UnsupportedError} kind `zip-encrypted` or `zip-method`. */
export function assertReadable(
  name: string,
  method: number,
  flags: number,
  structure: string,
): void {
  const place = { structure };
  if ((flags & FLAG_ENCRYPTED) !== 0) {
    throw new UnsupportedError('zip-encrypted', place, `${name} is encrypted; unpack it first`);
  }
  if (method !== METHOD_STORED && method !== METHOD_DEFLATE) {
    const text = `${name} is compressed by method ${method}; only stored and deflate are read; unpack it first`;
    throw new UnsupportedError('zip-method', place, text);
  }
}

/**
 * Decodes from `input` and adds to `tally`. Deflate finds its own end; what is stored goes on for
 * `storedBytes`.
 */
export async function* decodeMember(
  method: number,
  storedBytes: number,
  input: StreamReader,
  tally: ZipTally,
  context: DecodeContext,
): AsyncGenerator<Uint8Array> {
  const pieces =
    method === METHOD_DEFLATE
      ? inflate(createInflateRaw(ZLIB_OPTIONS), input, context)
      : input.pieces(storedBytes, context.structure);
  for await (const piece of pieces) {
    tally.crc = crc32(piece, tally.crc);
    tally.sizeBytes += piece.length;
    yield piece;
  }
}

/** @throws {CorruptError} kind `damaged` if the member is not what its header says. */
export function assertTally(
  name: string,
  found: ZipTally,
  stated: ZipTally,
  structure: string,
): void {
  if (found.crc === stated.crc && found.sizeBytes === stated.sizeBytes) return;
  const text = `${name} has ${found.sizeBytes} bytes with CRC ${hex(found.crc)}, but should have ${stated.sizeBytes} with ${hex(stated.crc)}: the archive is damaged, so get it again`;
  throw new CorruptError('damaged', { structure }, text);
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}
