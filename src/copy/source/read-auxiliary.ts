/** Small files that belong to an image: block maps and signatures, wherever images can be. */
import { SystemError } from '../../errors/errors.ts';
import type { ByteInput } from './byte-input.ts';
import { decompress } from './layers.ts';
import { openInput } from './open-input.ts';
import { forwardAbort, makeContext, type SourceOptions } from './open-source.ts';
import type { StreamReader } from './stream-reader.ts';

/** The largest block map there is has 128 MiB; what is more is no such file. */
export const MAX_AUXILIARY_BYTES = 256 * 2 ** 20;

export interface AuxiliaryFile {
  /** For messages: the path or address, without credentials and query. */
  readonly name: string;
  /** Decompressed, if it was compressed. */
  readonly bytes: Uint8Array;
}

/** Errors of inputs that mean: it is not there. Anything else may be there. */
const NOT_FOUND = new Set(['ENOENT', 'ENOTDIR', 'not-found']);

/**
 * Reads a file whole, or returns undefined if there is none at `location`, which is a path, an address
 * or `-`. Decompresses what is compressed; archives are not opened.
 * @throws {SystemError} kind `too-large`, or whatever prevents reading a file that may be there.
 * @throws {CorruptError} if it is compressed and damaged.
 */
export async function readAuxiliaryFile(
  location: string,
  options: Omit<SourceOptions, 'member'> = {},
  limitBytes = MAX_AUXILIARY_BYTES,
): Promise<AuxiliaryFile | undefined> {
  const control = new AbortController();
  const release = forwardAbort(options.signal, control);
  let input: ByteInput | undefined;
  let reader: StreamReader | undefined;
  try {
    const context = makeContext(options, control.signal);
    input = await openInput(location, options.stdin, context);
    reader = await decompress(input, context);
    const parts: Uint8Array[] = [];
    for await (const piece of reader.rest()) {
      if (reader.positionBytes > limitBytes) {
        const text = `has more than ${limitBytes} bytes, which no block map or signature has; is it the right file?`;
        throw new SystemError('too-large', input.name, text);
      }
      parts.push(Uint8Array.from(piece));
    }
    return { name: input.name, bytes: Buffer.concat(parts) };
  } catch (error) {
    control.signal.throwIfAborted();
    if (error instanceof SystemError && NOT_FOUND.has(error.kind)) return undefined;
    throw error;
  } finally {
    release();
    control.abort();
    await reader?.close();
    await input?.close();
  }
}
