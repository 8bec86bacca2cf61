/** Feeds a decompressing library, or a program in its place where the system lacks the library. */
import { SystemError } from '../../../errors/errors.ts';
import type { NativeDecoder } from '../../../../native/decoder.ts';
import type { StreamReader } from '../stream-reader.ts';
import { decodeWithProgram, type DecodeProgram } from './program.ts';
import { fromNativeError, OUTPUT_BYTES, type Decode, type DecodeContext } from './decoder.ts';

/** Zeros are decoded so fast that waking a thread for each piece is felt. */
const PIECE_BYTES = 4 * OUTPUT_BYTES;

/**
 * A decoder that uses a library, else a program. `open` returns undefined without the library.
 */
export function nativeDecode(
  open: () => NativeDecoder | undefined,
  program: DecodeProgram,
): Decode {
  return (input, context) => {
    const decoder = tryOpen(open, context);
    if (decoder === undefined) return decodeWithProgram(program, input, context);
    context.onDebug(`${context.structure}: decompressed by ${decoder.library}`);
    return decodeWithLibrary(decoder, input, context);
  };
}

/** Undefined, too, if no library can be called here at all. */
export function tryOpen<T>(open: () => T | undefined, context: DecodeContext): T | undefined {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof SystemError && error.kind === 'no-native')) throw error;
    context.onDebug(error.message);
    return undefined;
  }
}

async function* decodeWithLibrary(
  decoder: NativeDecoder,
  input: StreamReader,
  context: DecodeContext,
): AsyncGenerator<Uint8Array> {
  try {
    let piece: Uint8Array = new Uint8Array(0);
    let isLast = false;
    let isComplete = false;
    // One is in use while the other is filled.
    let [output, other] = [allocOutput(), allocOutput()];
    let filledBytes = 0;
    for (;;) {
      if (piece.length === 0 && !isLast) {
        const next = await input.next();
        if (next === undefined) isLast = true;
        else piece = next;
      }
      if (isLast && isComplete && piece.length === 0) break;
      const step = await decoder.step(piece, isLast, output.subarray(filledBytes));
      isComplete = step.isComplete;
      piece = piece.subarray(step.consumedBytes);
      filledBytes += step.producedBytes;
      if (filledBytes === output.length) {
        yield output;
        [output, other] = [other, output];
        filledBytes = 0;
      } else if (isLast && !isComplete && step.producedBytes === 0) {
        throw input.truncated(context.structure);
      }
    }
    if (filledBytes > 0) yield output.subarray(0, filledBytes);
  } catch (error) {
    throw fromNativeError(error, context, input.positionBytes);
  } finally {
    decoder.close();
  }
}

function allocOutput(): Buffer {
  return Buffer.allocUnsafeSlow(PIECE_BYTES);
}
