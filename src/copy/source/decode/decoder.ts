/** The contract of a decompressor, and what all of them share. */
import { CorruptError, SystemError, UnsupportedError } from '../../../errors/errors.ts';
import { NativeDecodeError } from '../../../../native/decoder.ts';
import type { InputContext } from '../byte-input.ts';
import type { StreamReader } from '../stream-reader.ts';
import type { WantedBytes } from '../wanted-bytes.ts';

export interface DecodeContext extends InputContext {
  /** What messages call the data, for example `gzip data of disk.img.gz`. */
  readonly structure: string;
  /** Given where bytes of the decoded data that nobody looks at may be zeros instead. */
  readonly wanted?: WantedBytes;
}

/**
 * Decompresses everything up to the end of `input`, of which what was taken stays as it is. A piece that
 * is given out does so until the second one after it is asked for: one is in use while the next is made.
 * It may be given out again. Ends without an exception only if each part of the input was complete and
 * every checksum that the format has was right.
 * @throws {CorruptError} kind `truncated` or `damaged`. @throws {UnsupportedError} @throws {SystemError}
 */
export type Decode = (input: StreamReader, context: DecodeContext) => AsyncIterable<Uint8Array>;

/** Large enough that a call costs nothing beside its work, and short enough for one pause: 20 ms. */
export const OUTPUT_BYTES = 2 ** 20;

/** The error for users of a file which `startByte` bytes could be decoded of. */
export function damaged(
  context: DecodeContext,
  startByte: number,
  text: string,
  cause?: unknown,
): CorruptError {
  const place = { structure: context.structure, startByte };
  return new CorruptError('damaged', place, `${text}; get the file again`, { cause });
}

/** @returns the error for users, where a library refused the data; else the error as it is. */
export function fromNativeError(
  error: unknown,
  context: DecodeContext,
  startByte: number,
): unknown {
  if (!(error instanceof NativeDecodeError)) return error;
  const place = { structure: context.structure, startByte };
  switch (error.kind) {
    case 'damaged':
      return damaged(context, startByte, error.message, error);
    case 'unsupported':
      return new UnsupportedError('codec', place, error.message, { cause: error });
    case 'out-of-memory': {
      const text = `${context.structure}: ${error.message}`;
      return new SystemError('ENOMEM', undefined, text, { cause: error });
    }
    default:
      return error.kind satisfies never;
  }
}
