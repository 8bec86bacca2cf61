/** Decompression by a library of the system, or by a program where the system lacks the library. */
import { SystemError } from '../../../errors/errors.ts';
import type { StreamReader } from '../stream-reader.ts';
import type { Decode, DecodeContext } from './decoder.ts';
import { decodeWithProgram, type DecodeProgram } from './program.ts';

/** `open` returns undefined without the library; what it returns else has the library's name. */
export function libraryDecode<Library extends { readonly name: string }>(
  open: () => Library | undefined,
  program: DecodeProgram,
  decode: (
    library: Library,
    input: StreamReader,
    context: DecodeContext,
  ) => AsyncIterable<Uint8Array>,
): Decode {
  return (input, context) => {
    const library = tryOpen(open, context);
    if (library === undefined) return decodeWithProgram(program, input, context);
    context.onDebug(`${context.structure}: decompressed by ${library.name}`);
    return decode(library, input, context);
  };
}

/** Undefined, too, if no library can be called here at all. */
function tryOpen<T>(open: () => T | undefined, context: DecodeContext): T | undefined {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof SystemError && error.kind === 'no-native')) throw error;
    context.onDebug(error.message);
    return undefined;
  }
}
