/** Decompression by a program, in place of a library that is not there. */
import { UnsupportedError } from '../../../errors/errors.ts';
import { pipeThrough } from '../child-process.ts';
import type { StreamReader } from '../stream-reader.ts';
import { damaged, type DecodeContext } from './decoder.ts';

export interface DecodeProgram {
  readonly name: string;
  readonly args: readonly string[];
  readonly debianPackage: string;
}

/**
 * The output of the program, fed with `input`. @throws {CorruptError} kind `damaged` if its exit status
 * is not 0. @throws {UnsupportedError} kind `no-decompressor` if it is not installed.
 */
export async function* decodeWithProgram(
  program: DecodeProgram,
  input: StreamReader,
  context: DecodeContext,
): AsyncGenerator<Uint8Array> {
  context.onDebug(`${context.structure}: decompressed by the program ${program.name}`);
  const outcome = yield* pipeThrough(program.name, program.args, input, context);
  switch (outcome.kind) {
    case 'ended':
      return;
    case 'not-found':
      throw new UnsupportedError(
        'no-decompressor',
        { structure: context.structure },
        `neither the library nor the program ${program.name} is installed to decompress it; on Debian: apt-get install ${program.debianPackage}`,
      );
    case 'failed':
      throw damaged(context, input.positionBytes, `${program.name}: ${outcome.text}`);
  }
}
