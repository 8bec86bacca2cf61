/** Feeds a library that decompresses a stream in portions, as those of xz, zstd and lz4 do. */
import type { NativeDecoder } from '../../../../native/decoder.ts';
import type { StreamReader } from '../stream-reader.ts';
import { fromNativeError, OUTPUT_BYTES, type Decode, type DecodeContext } from './decoder.ts';
import { libraryDecode } from './library-decode.ts';
import type { DecodeProgram } from './program.ts';

/** Zeros are decoded so fast that waking a thread for each piece is felt. */
const PIECE_BYTES = 4 * OUTPUT_BYTES;

/** A decoder that feeds what `open` returns, or the program where that is undefined. */
export function nativeDecode(
  open: () => NativeDecoder | undefined,
  program: DecodeProgram,
): Decode {
  return libraryDecode(open, program, feedDecoder);
}

/** @returns what `decoder` makes of all the rest of `input`; the decoder is closed then. */
export async function* feedDecoder(
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
